import type { Database, Transaction } from '../database/database.js';
import type { Prisma } from '../database/workspace.js';
import { newId } from '../ids/ids.js';
import type { WorkspaceId } from '../identity/principal.js';
import type { LiveBus } from './live-bus.js';

/**
 * A fact: something that happened and will stay so.
 *
 * Source: CloudEvents 1.0.2, required and optional attributes; `sequence` and `workspaceid` are extensions.
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  /** The subgraph that states the fact, such as `/devices`. */
  readonly source: string;
  /** What happened, such as `aegis.device.registered`. */
  readonly type: string;
  /** The id of the thing it happened to. */
  readonly subject?: string;
  readonly time: Date;
  readonly datacontenttype: 'application/json';
  readonly data: unknown;
  readonly traceparent?: string;
  /** Grows in the order of commit. */
  readonly sequence: bigint;
  readonly workspaceid: WorkspaceId;
}

/** A fact as it is told; the log adds who, when and where in the order. */
export interface NewEvent {
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly data: Prisma.InputJsonValue;
  readonly traceparent?: string;
}

/** The durable log of facts. */
export interface EventLog {
  /**
   * Writes a fact in the transaction of the change it tells of: both are there, or neither. From here to its commit the
   * transaction keeps others of the workspace from appending, so append last.
   */
  append(transaction: Transaction, event: NewEvent): Promise<void>;
  /** The same for several facts of one transaction, in their order. */
  appendAll(transaction: Transaction, events: readonly NewEvent[]): Promise<void>;
  /** The next facts after a sequence, oldest first, at most `limit`. */
  readAfter(workspace: WorkspaceId, sequence: bigint, limit: number): Promise<readonly CloudEvent[]>;
  /** Up to where the log goes, and up to where retention has removed it; 0 for nothing. */
  ends(workspace: WorkspaceId): Promise<EventLogEnds>;
  /** A page of the facts that a filter lets through. */
  list(workspace: WorkspaceId, page: EventPage): Promise<readonly CloudEvent[]>;
  /** The facts with these ids, in any order, without those that are not there. */
  findByIds(workspace: WorkspaceId, ids: readonly string[]): Promise<readonly CloudEvent[]>;
  /** The newest facts about each of these things, at most `first` of each, newest first, in one statement. */
  listNewestOf(
    workspace: WorkspaceId,
    subjects: readonly string[],
    first: number,
  ): Promise<ReadonlyMap<string, readonly CloudEvent[]>>;
  /** Removes facts from before an instant, oldest first, at most `limit`; how many. Those that consumers wait for stay. */
  prune(workspace: WorkspaceId, before: Date, limit: number): Promise<number>;
}

/** The two ends of a log, as sequences. */
export interface EventLogEnds {
  readonly newest: bigint;
  readonly pruned: bigint;
}

/** Which facts: all given conditions hold. */
export interface EventCondition {
  /** Types, or beginnings of types that end in `*`, such as `aegis.alarm.*`. */
  readonly types?: readonly string[] | undefined;
  readonly subjects?: readonly string[] | undefined;
  readonly from?: Date | undefined;
  /** Itself outside. */
  readonly to?: Date | undefined;
}

/** Which page of the log. */
export interface EventPage {
  readonly limit: number;
  readonly newestFirst: boolean;
  /** Only facts behind this one, in the order of the page. */
  readonly behind?: bigint | undefined;
  readonly where: EventCondition;
}

/** The live topic on which the log says that it has grown; its messages carry nothing else. */
export const EVENTS_TOPIC = 'kernel.events';

/**
 * Taken, for its workspace, by a transaction that appends: sequences then grow in the order of commit, so that no reader
 * skips one. The first key of a Postgres advisory lock; any number that no other lock of Aegis uses.
 */
const APPEND_LOCK = 7_263_002;

export interface EventLogDeps {
  readonly database: Database;
  readonly bus: LiveBus;
  readonly now?: () => Date;
}

/** Makes the log over the tables of the database; the bus carries the word that it has grown. */
export function createEventLog({ database, bus, now = () => new Date() }: EventLogDeps): EventLog {
  async function appendAll(transaction: Transaction, events: readonly NewEvent[]): Promise<void> {
    const { client, workspace } = transaction;
    await client.$executeRaw`SELECT pg_advisory_xact_lock(${APPEND_LOCK}::int, hashtext(${workspace}))`;
    const time = now();
    await client.event.createMany({
      data: events.map((event) => ({ ...event, workspaceId: workspace, id: newId('evt'), time })),
    });
    transaction.afterCommit(() => {
      // Consumers also read on their own from time to time: a lost announcement only makes them late.
      void bus.publish({ workspace, name: EVENTS_TOPIC }, [null]).catch(() => undefined);
    });
  }

  return {
    ...createReader(database),
    prune: (workspace, before, limit) =>
      database.inWorkspace(workspace).transaction((transaction) => prune(transaction, before, limit)),
    append: (transaction, event) => appendAll(transaction, [event]),
    appendAll,
  };
}

function createReader(database: Database): Omit<EventLog, 'append' | 'appendAll' | 'prune'> {
  return {
    async readAfter(workspace, sequence, limit) {
      const rows = await database.inWorkspace(workspace).client.event.findMany({
        where: { sequence: { gt: sequence } },
        orderBy: { sequence: 'asc' },
        take: limit,
      });
      return rows.map((row) => toCloudEvent(workspace, row));
    },
    async ends(workspace) {
      const { client } = database.inWorkspace(workspace);
      const newest = await client.event.findFirst({
        orderBy: { sequence: 'desc' },
        select: { sequence: true },
      });
      const retention = await client.eventRetention.findFirst();
      const pruned = retention?.prunedSequence ?? 0n;
      return { newest: newest?.sequence ?? pruned, pruned };
    },
    async list(workspace, { limit, newestFirst, behind, where }) {
      const rows = await database.inWorkspace(workspace).client.event.findMany({
        where: {
          AND: [
            toCondition(where),
            behind === undefined ? {} : { sequence: newestFirst ? { lt: behind } : { gt: behind } },
          ],
        },
        orderBy: { sequence: newestFirst ? 'desc' : 'asc' },
        take: limit,
      });
      return rows.map((row) => toCloudEvent(workspace, row));
    },
    async findByIds(workspace, ids) {
      const rows = await database.inWorkspace(workspace).client.event.findMany({
        where: { id: { in: [...ids] } },
      });
      return rows.map((row) => toCloudEvent(workspace, row));
    },
    async listNewestOf(workspace, subjects, first) {
      const rows = await database.inWorkspace(workspace).client.$queryRaw<SubjectRow[]>`
        SELECT e.id, e.source, e.type, e.subject, e.time, e.data, e.traceparent, e.sequence
        FROM unnest(${subjects}::text[]) AS about(subject)
        CROSS JOIN LATERAL (
          SELECT * FROM kernel.events
          WHERE workspace_id = ${workspace} AND subject = about.subject
          ORDER BY sequence DESC LIMIT ${first}
        ) e
        ORDER BY e.sequence DESC`;
      const found = new Map<string, CloudEvent[]>(subjects.map((subject) => [subject, []]));
      for (const row of rows) found.get(row.subject)?.push(toCloudEvent(workspace, row));
      return found;
    },
  };
}

async function prune({ client, workspace }: Transaction, before: Date, limit: number): Promise<number> {
  // A consumer that is behind has not seen them yet.
  const slowest = await client.eventCursor.findFirst({ orderBy: { sequence: 'asc' } });
  const rows = await client.event.findMany({
    where: { time: { lt: before }, ...(slowest ? { sequence: { lte: slowest.sequence } } : {}) },
    orderBy: { sequence: 'asc' },
    select: { sequence: true },
    take: limit,
  });
  const last = rows.at(-1)?.sequence;
  if (last === undefined) return 0;
  const { count } = await client.event.deleteMany({ where: { sequence: { lte: last } } });
  await client.eventRetention.upsert({
    where: { workspaceId: workspace },
    create: { workspaceId: workspace, prunedSequence: last },
    update: { prunedSequence: last },
  });
  return count;
}

function toCondition({ types, subjects, from, to }: EventCondition): Prisma.EventWhereInput {
  return {
    ...(subjects ? { subject: { in: [...subjects] } } : {}),
    ...(from || to ? { time: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) } } : {}),
    ...(types ? { OR: types.map(toTypeCondition) } : {}),
  };
}

function toTypeCondition(type: string): Prisma.EventWhereInput {
  return type.endsWith('*') ? { type: { startsWith: type.slice(0, -1) } } : { type };
}

/** Whether a fact is one of those that a condition lets through; the same as the log's own pages. */
export function meetsCondition(event: CloudEvent, { types, subjects, from, to }: EventCondition): boolean {
  return (
    (!subjects || (event.subject !== undefined && subjects.includes(event.subject))) &&
    (!from || event.time >= from) &&
    (!to || event.time < to) &&
    (!types ||
      types.some((type) =>
        type.endsWith('*') ? event.type.startsWith(type.slice(0, -1)) : event.type === type,
      ))
  );
}

type EventRow = Omit<Prisma.EventGetPayload<Record<string, never>>, 'workspaceId' | 'dataContentType'>;
type SubjectRow = EventRow & { readonly subject: string };

function toCloudEvent(workspace: WorkspaceId, row: EventRow): CloudEvent {
  return {
    specversion: '1.0',
    id: row.id,
    source: row.source,
    type: row.type,
    ...(row.subject === null ? {} : { subject: row.subject }),
    time: row.time,
    datacontenttype: 'application/json',
    data: row.data,
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    sequence: row.sequence,
    workspaceid: workspace,
  };
}

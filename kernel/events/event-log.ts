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
  /** The next facts after a sequence, oldest first, at most `limit`. */
  readAfter(workspace: WorkspaceId, sequence: bigint, limit: number): Promise<readonly CloudEvent[]>;
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
  return {
    async append(transaction, event) {
      const { client, workspace } = transaction;
      await client.$executeRaw`SELECT pg_advisory_xact_lock(${APPEND_LOCK}::int, hashtext(${workspace}))`;
      await client.event.create({
        data: { ...event, workspaceId: workspace, id: newId('evt'), time: now() },
      });
      transaction.afterCommit(() => {
        // Consumers also read on their own from time to time: a lost announcement only makes them late.
        void bus.publish({ workspace, name: EVENTS_TOPIC }, [null]).catch(() => undefined);
      });
    },
    async readAfter(workspace, sequence, limit) {
      const rows = await database.inWorkspace(workspace).client.event.findMany({
        where: { sequence: { gt: sequence } },
        orderBy: { sequence: 'asc' },
        take: limit,
      });
      return rows.map((row) => ({
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
      }));
    },
  };
}

import type { Database, Transaction } from '../../../../kernel/database/database.js';
import type { Prisma } from '../../../../kernel/database/workspace.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { RunKind, RunState } from '../../generated/schema-types.js';
import type { RunModel } from '../models.js';

/** A change of a run by whoever works at it. */
export interface RunChange {
  readonly state?: RunState;
  readonly done?: number;
  readonly total?: number | null;
  readonly note?: string | null;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly finishedAt?: Date;
}

/** Which runs. */
export interface RunPage {
  readonly first: number;
  /** The id behind which the page begins. */
  readonly after: string | undefined;
  readonly kinds: readonly RunKind[] | undefined;
  readonly states: readonly RunState[] | undefined;
}

/** A run that this process works at. */
export interface ClaimedRun {
  readonly id: string;
  readonly kind: RunKind;
  readonly cancelling: boolean;
}

/** The rows of runs. */
export interface RunRegistry {
  /** Writes a run in the transaction of what it is to work at. */
  create(transaction: Transaction, kind: RunKind, total: number | null): Promise<string>;
  findByIds(workspace: WorkspaceId, ids: readonly string[]): Promise<RunModel[]>;
  /** At most one more than `first`, newest first. */
  list(workspace: WorkspaceId, page: RunPage): Promise<RunModel[]>;
  /** Takes runs that wait, or whose worker is gone, at most `limit`, until the lease is over. */
  claim(workspace: WorkspaceId, lease: Lease & { readonly limit: number }): Promise<ClaimedRun[]>;
  /** Keeps a run for longer; undefined when it is no longer this process's. */
  renew(workspace: WorkspaceId, id: string, lease: Lease): Promise<ClaimedRun | undefined>;
  /** Changes a run as long as it has not ended; undefined when it has. */
  change(workspace: WorkspaceId, id: string, change: RunChange): Promise<RunModel | undefined>;
  /** Gives a run back: it is taken again at an instant, at once when that is null. */
  release(workspace: WorkspaceId, id: string, options: { owner: string; until: Date | null }): Promise<void>;
  /** Has a run that is paused go on, and one that has ended when `ended` says so; undefined when it is in no such state. */
  resume(
    transaction: Transaction,
    id: string,
    options: { readonly ended: boolean },
  ): Promise<RunModel | undefined>;
  /** Has a run wait until it is resumed; undefined when it is neither under way nor waits for its turn. */
  pause(transaction: Transaction, id: string, note: string): Promise<RunModel | undefined>;
  /** Says that a run shall end. */
  cancel(workspace: WorkspaceId, id: string): Promise<RunModel | 'NOT_FOUND' | 'ENDED'>;
  /** Gives all runs back that are worked at: nobody else is there who could. */
  releaseAll(workspace: WorkspaceId): Promise<void>;
}

/** Who works at a run, and until when it is left to it. */
export interface Lease {
  readonly owner: string;
  readonly until: Date;
}

const ENDED: readonly RunState[] = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const OPEN: readonly RunState[] = ['QUEUED', 'RUNNING'];

/** Makes the registry of runs. */
export function createRunRegistry(database: Database): RunRegistry {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;

  /** Every change makes a new revision, by which a reader knows the newer of two. */
  async function update(
    workspace: WorkspaceId,
    id: string,
    data: Prisma.RunUncheckedUpdateManyInput,
  ): Promise<RunModel | undefined> {
    const [row] = await clientOf(workspace).run.updateManyAndReturn({
      where: { id, state: { notIn: [...ENDED] } },
      data: { ...data, revision: { increment: 1 } },
    });
    return row as RunModel | undefined;
  }

  return {
    ...createReads(database),
    ...MOVES,
    async create({ client, workspace }, kind, total) {
      const id = newId('run');
      await client.run.create({ data: { workspaceId: workspace, id, kind, state: 'QUEUED', total } });
      return id;
    },
    async claim(workspace, { owner, until, limit }) {
      return clientOf(workspace).$queryRaw<ClaimedRun[]>`
        UPDATE devices.runs SET owner = ${owner}, leased_until = ${until}, state = 'RUNNING',
          started_at = coalesce(started_at, now()), revision = revision + 1
        WHERE workspace_id = ${workspace} AND id IN (
          SELECT id FROM devices.runs
          WHERE workspace_id = ${workspace} AND (
            (state = ANY(${[...OPEN]}::text[]) AND (leased_until IS NULL OR leased_until < now()))
            OR (state = 'PAUSED' AND cancelling)
          )
          ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
        RETURNING id, kind, cancelling`;
    },
    async renew(workspace, id, { owner, until }) {
      const [row] = await clientOf(workspace).$queryRaw<ClaimedRun[]>`
        UPDATE devices.runs SET leased_until = ${until}
        WHERE workspace_id = ${workspace} AND id = ${id} AND owner = ${owner} AND state = 'RUNNING'
        RETURNING id, kind, cancelling`;
      return row;
    },
    change: (workspace, id, change) => update(workspace, id, change),
    async release(workspace, id, { owner, until }) {
      await clientOf(workspace).run.updateMany({
        where: { id, owner },
        data: { owner: null, leasedUntil: until },
      });
    },
    async cancel(workspace, id) {
      if (!isText(id)) return 'NOT_FOUND';
      const changed = await update(workspace, id, { cancelling: true });
      // One that rests is taken at once.
      await clientOf(workspace).run.updateMany({ where: { id, owner: null }, data: { leasedUntil: null } });
      if (changed) return changed;
      const row = await clientOf(workspace).run.findFirst({ where: { id }, select: { id: true } });
      return row ? 'ENDED' : 'NOT_FOUND';
    },
    async releaseAll(workspace) {
      await clientOf(workspace).run.updateMany({
        where: { state: 'RUNNING' },
        data: { owner: null, leasedUntil: null },
      });
    },
  };
}

function isText(text: string): boolean {
  return !text.includes('\u0000');
}

function createReads(database: Database): Pick<RunRegistry, 'findByIds' | 'list'> {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async findByIds(workspace, ids) {
      const rows = await clientOf(workspace).run.findMany({ where: { id: { in: ids.filter(isText) } } });
      return rows as RunModel[];
    },
    async list(workspace, { first, after, kinds, states }) {
      if (after !== undefined && !isText(after)) return [];
      const rows = await clientOf(workspace).run.findMany({
        where: {
          ...(after === undefined ? {} : { id: { lt: after } }),
          ...(kinds ? { kind: { in: [...kinds] } } : {}),
          ...(states ? { state: { in: [...states] } } : {}),
        },
        orderBy: { id: 'desc' },
        take: first + 1,
      });
      return rows as RunModel[];
    },
  };
}

/** What people do with runs, in the transaction of what they are about. */
const MOVES: Pick<RunRegistry, 'resume' | 'pause'> = {
  async resume({ client }, id, { ended }) {
    const [row] = await client.run.updateManyAndReturn({
      where: { id, state: { in: ['PAUSED', 'QUEUED', 'RUNNING', ...(ended ? ENDED : [])] } },
      data: {
        ...{ state: 'QUEUED', note: null, owner: null, leasedUntil: null, finishedAt: null },
        ...{ errorCode: null, errorMessage: null },
        ...{ cancelling: false, revision: { increment: 1 } },
      },
    });
    return row as RunModel | undefined;
  },
  async pause({ client }, id, note) {
    const [row] = await client.run.updateManyAndReturn({
      where: { id, state: { in: [...OPEN] } },
      data: { state: 'PAUSED', note, revision: { increment: 1 } },
    });
    return row as RunModel | undefined;
  },
};

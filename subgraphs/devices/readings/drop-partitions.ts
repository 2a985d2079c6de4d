import type { Database, Transaction } from '../../../kernel/database/database.js';
import { DEFAULT_WORKSPACE, type WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Partition } from './partition-plan.js';
import type { Partitions } from './partitions.js';

export interface DropOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly workspaces: readonly WorkspaceId[];
  /** Of the readings. */
  readonly partitions: Partitions;
  readonly rollups?: readonly { readonly partitions: Partitions; readonly retentionMs: number }[];
  readonly retentionMs: number;
  /** Hours for which readings of some devices are kept, by workspace and device id. */
  readonly own: ReadonlyMap<WorkspaceId, ReadonlyMap<string, number>>;
  readonly nowMs: number;
  readonly isClosed: () => boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long a drop may wait for running statements: what comes meanwhile waits behind it. Tried again later. */
const LOCK_TIMEOUT_MS = 2_000;

/** Drops the partitions in which nothing is kept any more; returns the names of their tables. */
export async function dropOldPartitions(options: DropOptions): Promise<string[]> {
  const { partitions, rollups = [], nowMs, isClosed } = options;
  const dropped: string[] = [];
  for (const partition of await partitions.list()) {
    // Those that were made ahead are empty, and stay; so does what may just be written.
    if (isClosed() || partition.toMs > nowMs - DAY_MS) break;
    if (await tryToDrop(partition, options)) dropped.push(partition.table);
  }
  for (const { partitions: rollup, retentionMs } of rollups) {
    for (const { table, toMs } of await rollup.list()) {
      if (isClosed() || toMs > nowMs - retentionMs) break;
      await dropWithin(options, rollup, table);
      dropped.push(table);
    }
  }
  return dropped;
}

/** Looks first without a lock, and again when nobody can write to it any more. */
async function tryToDrop(partition: Partition, options: DropOptions): Promise<boolean> {
  const { database, partitions, logger } = options;
  const scope = database.inWorkspace(DEFAULT_WORKSPACE);
  if (!(await findDroppable(scope, partition, options))) return false;
  try {
    return await scope.transaction(async (transaction) => {
      await lockParent(transaction, partitions);
      const marks = await findDroppable(transaction, partition, options);
      if (!marks) return false;
      for (const { workspace, newest } of marks) {
        await transaction.client.$executeRaw`
          UPDATE devices.reading_streams SET thinned_sequence = greatest(thinned_sequence, ${newest}::bigint)
          WHERE workspace_id = ${workspace}`;
      }
      await transaction.client.$executeRawUnsafe(`DROP TABLE devices.${partition.table}`);
      transaction.afterCommit(partitions.forget);
      return true;
    });
  } catch (error) {
    logger.warn(
      { err: error, table: partition.table },
      'could not drop old readings now; trying again later',
    );
    return false;
  }
}

async function dropWithin({ database }: DropOptions, rollup: Partitions, table: string): Promise<void> {
  await database.inWorkspace(DEFAULT_WORKSPACE).transaction(async (transaction) => {
    await lockParent(transaction, rollup);
    await transaction.client.$executeRawUnsafe(`DROP TABLE devices.${table}`);
    transaction.afterCommit(rollup.forget);
  });
}

/** The parent first: whoever writes has it before a partition or a stream's row, so nobody waits for the other. */
async function lockParent({ client }: Transaction, { table }: Partitions): Promise<void> {
  await client.$executeRawUnsafe(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.$executeRawUnsafe(`LOCK TABLE devices.${table} IN ACCESS EXCLUSIVE MODE`);
}

/** The newest reading of a workspace in a partition. */
interface Mark {
  readonly workspace: string;
  readonly newest: bigint;
  readonly receivedAt: Date;
  /** Up to where the workspace's readings are in its roll-ups; null where none are made. */
  readonly rolled: bigint | null;
}

/** The newest readings of a partition, when none of its readings is kept; undefined otherwise. */
async function findDroppable(
  scope: Pick<Transaction, 'client'>,
  { table, toMs }: Partition,
  { own, nowMs, retentionMs, workspaces }: DropOptions,
): Promise<readonly Mark[] | undefined> {
  const marks = await readMarks(scope, table);
  // One without readings may be for late data: it stays as long as its readings would.
  if (marks.length === 0 && toMs > nowMs - retentionMs) return undefined;
  const served: ReadonlySet<string> = new Set(workspaces);
  const keeps = marks.some(
    ({ workspace, newest, receivedAt, rolled }) =>
      receivedAt.getTime() >= nowMs - retentionMs || (served.has(workspace) && (rolled ?? 0n) < newest),
  );
  if (keeps) return undefined;
  for (const [workspace, hours] of own) {
    const longer = [...hours].filter(([, one]) => one * HOUR_MS > retentionMs);
    if (await keepsReadings(scope, { table, workspace, longer, nowMs })) return undefined;
  }
  return marks;
}

/** Each step of the recursion is one look into an index, to the next workspace that has readings in the partition. */
async function readMarks({ client }: Pick<Transaction, 'client'>, table: string): Promise<readonly Mark[]> {
  return client.$queryRawUnsafe<Mark[]>(`
    WITH RECURSIVE found(id) AS (
      (SELECT workspace_id FROM devices.${table} ORDER BY workspace_id LIMIT 1)
      UNION ALL
      SELECT (SELECT workspace_id FROM devices.${table} WHERE workspace_id > found.id ORDER BY workspace_id LIMIT 1)
      FROM found WHERE found.id IS NOT NULL
    )
    SELECT found.id AS workspace, newest.sequence AS newest, newest.received_at AS "receivedAt",
      (SELECT rolled_sequence FROM devices.reading_rollups WHERE workspace_id = found.id) AS rolled
    FROM found CROSS JOIN LATERAL (
      SELECT sequence, received_at FROM devices.${table} WHERE workspace_id = found.id ORDER BY sequence DESC LIMIT 1
    ) newest`);
}

interface LongerKept {
  readonly table: string;
  readonly workspace: WorkspaceId;
  /** Device ids and the hours for which their readings are kept. */
  readonly longer: readonly (readonly [string, number])[];
  readonly nowMs: number;
}

async function keepsReadings(
  { client }: Pick<Transaction, 'client'>,
  { table, workspace, longer, nowMs }: LongerKept,
): Promise<boolean> {
  if (longer.length === 0) return false;
  const [row] = await client.$queryRawUnsafe<{ readonly keeps: boolean }[]>(
    `SELECT EXISTS (
      SELECT FROM unnest($2::text[], $3::timestamptz[]) AS own(device_id, kept_from)
      JOIN devices.${table} r
        ON r.workspace_id = $1 AND r.device_id = own.device_id AND r.received_at >= own.kept_from
    ) AS keeps`,
    workspace,
    longer.map(([deviceId]) => deviceId),
    longer.map(([, hours]) => new Date(nowMs - hours * HOUR_MS).toISOString()),
  );
  return row?.keeps ?? true;
}

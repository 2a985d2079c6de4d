import { setImmediate } from 'node:timers/promises';
import type { WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { Partitions } from './partitions.js';

/** Up to which sequence partitions have been looked through, by workspace and table: kept from one pass to the next. */
export type PrunePlaces = Map<string, bigint>;

export interface PruneOptions {
  /** Of the readings. */
  readonly partitions: Partitions;
  /** Hours for which readings of some devices are kept, by device id. */
  readonly own: ReadonlyMap<string, number>;
  readonly nowMs: number;
  /** How long ago readings of all other devices have arrived that are removed one by one. */
  readonly overdueMs: number;
  readonly places: PrunePlaces;
  readonly chunkSize: number;
  readonly isClosed: () => boolean;
}

const HOUR_MS = 3_600_000;

/** Removes readings of a workspace that are overdue, in chunks; returns how many. */
export async function pruneReadings(scope: WorkspaceDatabase, options: PruneOptions): Promise<number> {
  const { partitions, own, nowMs, overdueMs, isClosed } = options;
  let removed = 0;
  for (const { table, fromMs } of await partitions.list()) {
    if (isClosed()) break;
    removed += await pruneCommon(scope, table, options);
    for (const [hours, deviceIds] of groupByHours(own)) {
      const before = nowMs - hours * HOUR_MS;
      if (fromMs < before + overdueMs)
        removed += await pruneOwn(scope, { table, deviceIds, before }, options);
    }
  }
  await removeNumbers(scope, nowMs, options.chunkSize);
  await markPruned(scope);
  return removed;
}

/** Those of devices without a retention of their own: in the order of arrival, up to the first that stays. */
async function pruneCommon(
  scope: WorkspaceDatabase,
  table: string,
  { own, nowMs, overdueMs, places, chunkSize, isClosed }: PruneOptions,
): Promise<number> {
  const key = `${scope.workspace}/${table}`;
  let removed = 0;
  while (!isClosed()) {
    const place = places.get(key) ?? 0n;
    const chunk = await pruneChunk(scope, {
      ...{ table, place, chunkSize },
      before: nowMs - overdueMs,
      except: [...own.keys()],
    });
    removed += chunk.removed;
    if (chunk.through > place) places.set(key, chunk.through);
    if (chunk.looked < chunkSize) break;
    // Readings that arrive meanwhile come first.
    await setImmediate();
  }
  return removed;
}

interface Chunk {
  readonly table: string;
  /** Begins behind this sequence. */
  readonly place: bigint;
  readonly chunkSize: number;
  /** What arrived at this time or later stays, and everything behind it; milliseconds since 1970. */
  readonly before: number;
  /** Device ids whose readings stay. */
  readonly except: readonly string[];
}

interface ChunkOutcome {
  readonly removed: number;
  /** How many readings it went over. */
  readonly looked: number;
  /** The last sequence that it went over; 0 for none. */
  readonly through: bigint;
}

/** Removes what is overdue of the next readings of a partition, and records the last that was removed. */
async function pruneChunk(
  { client, workspace }: WorkspaceDatabase,
  { table, place, chunkSize, before, except }: Chunk,
): Promise<ChunkOutcome> {
  const [outcome] = await client.$queryRawUnsafe<ChunkOutcome[]>(
    `WITH next AS MATERIALIZED (
      SELECT ctid AS row, sequence, received_at, device_id = ANY($5::text[]) AS stays FROM devices.${table}
      WHERE workspace_id = $1 AND sequence > $2::bigint
        AND sequence <= (SELECT rolled_sequence FROM devices.reading_rollups WHERE workspace_id = $1)
      ORDER BY sequence LIMIT $3::int
    ), due AS MATERIALIZED (
      SELECT row, sequence, stays FROM next
      WHERE sequence < coalesce(
        (SELECT min(sequence) FROM next WHERE NOT stays AND received_at >= to_timestamp($4::float8 / 1e3)),
        9223372036854775807
      )
    ), removed AS (
      DELETE FROM devices.${table} WHERE ctid = ANY(ARRAY(SELECT row FROM due WHERE NOT stays)) RETURNING sequence
    ), marked AS (
      UPDATE devices.reading_streams SET thinned_sequence = greatest(thinned_sequence, newest.sequence)
      FROM (SELECT max(sequence) AS sequence FROM removed) newest
      WHERE workspace_id = $1 AND newest.sequence IS NOT NULL
    )
    SELECT (SELECT count(*)::int FROM removed) AS removed, count(*)::int AS looked,
      coalesce(max(sequence), 0) AS through
    FROM due`,
    ...[workspace, place, chunkSize, before, except],
  );
  return outcome ?? { removed: 0, looked: 0, through: 0n };
}

interface OwnGroup {
  readonly table: string;
  readonly deviceIds: readonly string[];
  /** What arrived at this time or later stays; milliseconds since 1970. */
  readonly before: number;
}

/** Those of devices with a retention of their own. */
async function pruneOwn(
  { client, workspace }: WorkspaceDatabase,
  { table, deviceIds, before }: OwnGroup,
  { chunkSize, isClosed }: PruneOptions,
): Promise<number> {
  let removed = 0;
  for (let count = chunkSize; count === chunkSize && !isClosed(); removed += count) {
    const [outcome] = await client.$queryRawUnsafe<{ readonly removed: number }[]>(
      `WITH removed AS (
        DELETE FROM devices.${table} WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM devices.${table}
          WHERE workspace_id = $1 AND device_id = ANY($2::text[]) AND received_at < to_timestamp($3::float8 / 1e3)
            AND sequence <= (SELECT rolled_sequence FROM devices.reading_rollups WHERE workspace_id = $1)
          LIMIT $4::int
        )) RETURNING sequence
      ), marked AS (
        UPDATE devices.reading_streams SET thinned_sequence = greatest(thinned_sequence, newest.sequence)
        FROM (SELECT max(sequence) AS sequence FROM removed) newest
        WHERE workspace_id = $1 AND newest.sequence IS NOT NULL
      )
      SELECT count(*)::int AS removed FROM removed`,
      ...[workspace, deviceIds, before, chunkSize],
    );
    count = outcome?.removed ?? 0;
    await setImmediate();
  }
  return removed;
}

/** Up to the first reading that is still there, everything is gone. */
async function markPruned({ client, workspace }: WorkspaceDatabase): Promise<void> {
  await client.$executeRaw`
    UPDATE devices.reading_streams SET pruned_sequence = greatest(pruned_sequence, gone.through)
    FROM (
      SELECT least(s.thinned_sequence, kept.oldest - 1) AS through FROM devices.reading_streams s
      CROSS JOIN (SELECT min(sequence) AS oldest FROM devices.readings WHERE workspace_id = ${workspace}) kept
      WHERE s.workspace_id = ${workspace}
    ) gone
    WHERE workspace_id = ${workspace} AND gone.through > pruned_sequence`;
}

/** For how long the numbers are remembered that devices gave their readings: a repeated delivery comes soon. */
const NUMBER_MEMORY_MS = 48 * HOUR_MS;

async function removeNumbers(
  { client, workspace }: WorkspaceDatabase,
  nowMs: number,
  chunkSize: number,
): Promise<void> {
  for (let count = chunkSize; count === chunkSize;) {
    count = await client.$executeRaw`
      DELETE FROM devices.reading_sequences WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM devices.reading_sequences
        WHERE workspace_id = ${workspace} AND measured_at < to_timestamp(${nowMs - NUMBER_MEMORY_MS}::float8 / 1e3)
        LIMIT ${chunkSize}::int
      ))`;
    await setImmediate();
  }
}

function groupByHours(own: ReadonlyMap<string, number>): ReadonlyMap<number, readonly string[]> {
  const groups = new Map<number, string[]>();
  for (const [deviceId, hours] of own) {
    const group = groups.get(hours) ?? [];
    group.push(deviceId);
    groups.set(hours, group);
  }
  return groups;
}

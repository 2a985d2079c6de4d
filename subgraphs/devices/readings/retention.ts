import { setImmediate } from 'node:timers/promises';
import type { Database, WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Partitions } from './partitions.js';

/** Removes readings that are older than the retention, and those of devices that have been removed. */
export interface Retention {
  /** Removes what is due now, and then regularly until closed. */
  start(): void;
  /** Removes what is due before its regular time: a device was removed. Does nothing before the start. */
  wake(): void;
  /** Removes what is due now; how many readings that were. */
  prune(workspace: WorkspaceId): Promise<number>;
  close(): Promise<void>;
}

export interface RetentionDeps {
  readonly database: Database;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  /** Of the readings. */
  readonly partitions: Partitions;
  readonly retentionMs: number;
  readonly now?: () => number;
  /** How often readings are removed, in milliseconds. */
  readonly periodMs?: number;
  /** How long after {@link Retention.wake} it begins, in milliseconds. */
  readonly wakeMs?: number;
  /** How many sequences one statement goes through, and how many readings of removed devices it removes at most. */
  readonly chunkSize?: number;
}

const PERIOD_MS = 10 * 60_000;
/** Long enough that many devices removed one after the other are one occasion. */
const WAKE_MS = 1_000;
const CHUNK_SIZE = 5_000;

/**
 * Makes the retention of readings. It removes from the old end of each workspace's stream, in chunks, and records in the
 * same transaction up to which sequence: so a reader that stands before that sequence has missed readings, and one that
 * stands behind it has not.
 *
 * Readings of removed devices are found by their having no device, so that nothing needs to be remembered about them. What
 * is removed of them leaves no gap: they are not seen from the removal of the device on.
 */
export function createRetention(deps: RetentionDeps): Retention {
  const { database, workspaces, logger, partitions, retentionMs, now = Date.now } = deps;
  const { periodMs = PERIOD_MS, wakeMs = WAKE_MS, chunkSize = CHUNK_SIZE } = deps;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;

  async function prune(workspace: WorkspaceId): Promise<number> {
    const orphans = { partitions, chunkSize, isClosed: () => closed };
    const removed =
      (await pruneOld(workspace)) + (await pruneOrphans(database.inWorkspace(workspace), orphans));
    if (removed > 0 && database.kind === 'embedded') await vacuum(database, workspace);
    return removed;
  }

  async function pruneOld(workspace: WorkspaceId): Promise<number> {
    const before = new Date(now() - retentionMs);
    const { client } = database.inWorkspace(workspace);
    const ends = await client.readingStream.findFirst();
    let removed = 0;
    let place = ends?.prunedSequence ?? 0n;
    while (place < (ends?.newestSequence ?? 0n) && !closed) {
      const chunk = await pruneChunk(database.inWorkspace(workspace), {
        after: place,
        span: chunkSize,
        before,
      });
      removed += chunk.removed;
      if (chunk.keeps) break;
      place += BigInt(chunkSize);
      // Readings that arrive meanwhile come first.
      await setImmediate();
    }
    return removed;
  }

  async function pruneAll(): Promise<void> {
    for (const workspace of workspaces) {
      const removed = await prune(workspace);
      if (removed > 0)
        logger.info({ workspace, removed }, 'removed readings: past their retention, or of removed devices');
    }
  }

  function run(): void {
    running ??= pruneAll()
      .catch((error: unknown) => {
        logger.error({ err: error }, 'could not remove old readings; trying again later');
      })
      .finally(() => {
        running = undefined;
      });
  }

  function wake(): void {
    if (closed || !timer || soon) return;
    soon = setTimeout(() => {
      soon = undefined;
      // One that runs now may have looked for removed devices before this one was.
      if (running) wake();
      else run();
    }, wakeMs);
    soon.unref();
  }

  return {
    prune,
    start() {
      timer = setInterval(run, periodMs);
      timer.unref();
      run();
    },
    wake,
    async close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(soon);
      await running;
    },
  };
}

interface Chunk {
  readonly after: bigint;
  /** How many sequences after it. */
  readonly span: number;
  /** What arrived at this time or later stays, and everything behind it. */
  readonly before: Date;
}

interface ChunkOutcome {
  readonly removed: number;
  /** Whether a reading of the chunk stays. */
  readonly keeps: boolean;
}

/** Removes the readings of a chunk up to the first that stays, and records the last that was removed, in one statement. */
async function pruneChunk(rows: WorkspaceDatabase, { after, span, before }: Chunk): Promise<ChunkOutcome> {
  const { client, workspace } = rows;
  const through = after + BigInt(span);
  const [outcome] = await client.$queryRaw<ChunkOutcome[]>`
    WITH kept AS MATERIALIZED (
      SELECT min(sequence) AS sequence FROM devices.readings
      WHERE workspace_id = ${workspace} AND sequence > ${after} AND sequence <= ${through}
        AND received_at >= ${before.toISOString()}::timestamptz
    ), removed AS (
      DELETE FROM devices.readings USING kept
      WHERE workspace_id = ${workspace} AND readings.sequence > ${after} AND readings.sequence <= ${through}
        AND (kept.sequence IS NULL OR readings.sequence < kept.sequence)
      RETURNING readings.sequence
    ), marked AS (
      UPDATE devices.reading_streams SET pruned_sequence = greatest(pruned_sequence, newest.sequence)
      FROM (SELECT max(sequence) AS sequence FROM removed) newest
      WHERE workspace_id = ${workspace} AND newest.sequence IS NOT NULL
    )
    SELECT (SELECT count(*)::int FROM removed) AS removed, sequence IS NOT NULL AS keeps FROM kept`;
  return outcome ?? { removed: 0, keeps: true };
}

interface OrphanOptions {
  readonly partitions: Partitions;
  readonly chunkSize: number;
  readonly isClosed: () => boolean;
}

/** Removes the readings of all devices that are no more, in chunks, until it is closed. */
async function pruneOrphans(
  rows: WorkspaceDatabase,
  { partitions, chunkSize, isClosed }: OrphanOptions,
): Promise<number> {
  let removed = 0;
  const deviceIds = isClosed() ? [] : await findRemovedDevices(rows);
  const tables = deviceIds.length > 0 ? await partitions.list() : [];
  for (const deviceId of deviceIds) {
    for (const { table } of tables) {
      for (let count = chunkSize; count === chunkSize && !isClosed(); removed += count) {
        count = await removeReadings(rows, { table, deviceId, limit: chunkSize });
        // Readings that arrive meanwhile come first.
        await setImmediate();
      }
    }
  }
  return removed;
}

/**
 * The devices that readings tell of and that are no more. Each step of the recursion is one look into the primary key, to
 * the next device that has readings: as many looks as there are devices, however many readings there are.
 */
async function findRemovedDevices({ client, workspace }: WorkspaceDatabase): Promise<readonly string[]> {
  const rows = await client.$queryRaw<{ readonly id: string }[]>`
    WITH RECURSIVE measured(id) AS (
      (
        SELECT device_id FROM devices.readings WHERE workspace_id = ${workspace}
        ORDER BY workspace_id, device_id LIMIT 1
      )
      UNION ALL
      SELECT (
        SELECT device_id FROM devices.readings WHERE workspace_id = ${workspace} AND device_id > measured.id
        ORDER BY workspace_id, device_id LIMIT 1
      )
      FROM measured WHERE measured.id IS NOT NULL
    )
    SELECT measured.id FROM measured
    WHERE measured.id IS NOT NULL AND NOT EXISTS (
      SELECT FROM devices.devices WHERE workspace_id = ${workspace} AND devices.id = measured.id
    )`;
  return rows.map(({ id }) => id);
}

/** Removes at most so many readings of a device that is no more from one partition; returns how many. */
function removeReadings(
  { client, workspace }: WorkspaceDatabase,
  { table, deviceId, limit }: { readonly table: string; readonly deviceId: string; readonly limit: number },
): Promise<number> {
  return client.$executeRawUnsafe(
    `DELETE FROM devices.${table} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM devices.${table} WHERE workspace_id = $1 AND device_id = $2 LIMIT $3
    ))`,
    ...[workspace, deviceId, limit],
  );
}

/** A server has autovacuum; the embedded Postgres has not, and would never use the room of removed rows again. */
async function vacuum(database: Database, workspace: WorkspaceId): Promise<void> {
  await database.inWorkspace(workspace).client.$executeRawUnsafe('VACUUM devices.readings');
}

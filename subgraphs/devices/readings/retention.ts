import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { dropOldPartitions } from './drop-partitions.js';
import type { Partitions } from './partitions.js';
import { pruneOrphans } from './prune-orphans.js';
import { pruneReadings, type PrunePlaces } from './prune-readings.js';

/** Removes what is older than its retention, and what is left of devices that have been removed. */
export interface Retention {
  /** Removes what is due now, and then regularly until closed. */
  start(): void;
  /** Removes what is due before its regular time: a device was removed. Does nothing before the start. */
  wake(): void;
  /** Removes what is due now. */
  prune(): Promise<Removed>;
  close(): Promise<void>;
}

/** What one pass has removed. */
export interface Removed {
  /** Rows one by one; those of dropped partitions are not counted. */
  readonly rows: number;
  /** The tables that were dropped whole. */
  readonly partitions: readonly string[];
}

/** The hours for which readings of some devices are kept, by device id; all others have the installation's. */
export type OwnRetention = (workspace: WorkspaceId) => Promise<ReadonlyMap<string, number>>;

export interface RetentionDeps {
  readonly database: Database;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  /** Of the readings. */
  readonly partitions: Partitions;
  /** The roll-ups, each with how long it is kept. */
  readonly rollups?: readonly { readonly partitions: Partitions; readonly retentionMs: number }[];
  /** After how long readings are due. */
  readonly retentionMs: number;
  /** Nobody has one of its own when left out. */
  readonly ownRetention?: OwnRetention;
  readonly now?: () => number;
  /** How often it is looked, in milliseconds. */
  readonly periodMs?: number;
  /** How long after {@link Retention.wake} it begins, in milliseconds. */
  readonly wakeMs?: number;
  /** How many rows one statement looks at. */
  readonly chunkSize?: number;
}

const PERIOD_MS = 10 * 60_000;
/** Long enough that many devices removed one after the other are one occasion. */
const WAKE_MS = 1_000;
const CHUNK_SIZE = 5_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Makes the retention of readings and of their roll-ups.
 *
 * A partition in which nothing is kept any more is dropped whole, which costs nothing however many rows it has. So that
 * this is what mostly happens, rows are removed one by one only when they are overdue: by as long as they are kept, at
 * most a day. Then something else keeps their partition, such as late data.
 *
 * What was removed is recorded in the same transaction. `thinned_sequence`: some readings up to it are gone, so a reader
 * that stands before it is told of a gap. `pruned_sequence`: all of them are, so that it goes on behind it at once.
 *
 * Readings of removed devices are found by their having no device, so that nothing needs to be remembered about them. What
 * is removed of them leaves no gap: they are not seen from the removal of the device on.
 */
export function createRetention(deps: RetentionDeps): Retention {
  const { logger, periodMs = PERIOD_MS, wakeMs = WAKE_MS } = deps;
  const state = { closed: false, places: new Map() as PrunePlaces, placesSince: 0 };
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;

  async function prune(): Promise<Removed> {
    const removed = await pruneAll(deps, state);
    if (removed.rows > 0 && deps.database.kind === 'embedded') await vacuum(deps);
    return removed;
  }

  async function pruneAndTell(): Promise<void> {
    const removed = await prune();
    if (removed.rows === 0 && removed.partitions.length === 0) return;
    logger.info(removed, 'removed readings: past their retention, or of removed devices');
  }

  function run(): void {
    running ??= pruneAndTell()
      .catch((error: unknown) => {
        logger.error({ err: error }, 'could not remove old readings; trying again later');
      })
      .finally(() => {
        running = undefined;
      });
  }

  function wake(): void {
    if (state.closed || !timer || soon) return;
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
      state.closed = true;
      clearInterval(timer);
      clearTimeout(soon);
      await running;
    },
  };
}

interface RetentionState {
  closed: boolean;
  places: PrunePlaces;
  /** Since when the places are kept: a device whose retention has changed is looked at again after a day. */
  placesSince: number;
}

async function pruneAll(deps: RetentionDeps, state: RetentionState): Promise<Removed> {
  const { database, workspaces, partitions, retentionMs, chunkSize = CHUNK_SIZE } = deps;
  const nowMs = (deps.now ?? Date.now)();
  const isClosed = () => state.closed;
  const tables = [partitions, ...(deps.rollups ?? []).map((rollup) => rollup.partitions)];
  for (const table of tables) await table.ensureAhead();
  if (nowMs - state.placesSince > DAY_MS) Object.assign(state, { places: new Map(), placesSince: nowMs });
  const own = new Map<WorkspaceId, ReadonlyMap<string, number>>();
  for (const workspace of workspaces) own.set(workspace, (await deps.ownRetention?.(workspace)) ?? new Map());

  const dropped = await dropOldPartitions({ ...deps, own, nowMs, isClosed });
  let rows = 0;
  const overdueMs = retentionMs + Math.min(retentionMs, DAY_MS);
  for (const workspace of workspaces) {
    const options = { partitions, chunkSize, isClosed, nowMs, overdueMs, places: state.places };
    const scope = database.inWorkspace(workspace);
    rows += await pruneReadings(scope, { ...options, own: own.get(workspace) ?? new Map() });
    for (const table of tables) rows += await pruneOrphans(scope, { partitions: table, chunkSize, isClosed });
  }
  return { rows, partitions: dropped };
}

/** A server has autovacuum; the embedded Postgres has not, and would never use the room of removed rows again. */
async function vacuum({ database, workspaces, partitions, rollups = [] }: RetentionDeps): Promise<void> {
  const [workspace] = workspaces;
  if (workspace === undefined) return;
  const { client } = database.inWorkspace(workspace);
  for (const { table } of [partitions, ...rollups.map((rollup) => rollup.partitions)])
    await client.$executeRawUnsafe(`VACUUM devices.${table}`);
}

import { setImmediate } from 'node:timers/promises';
import type { Database, Transaction } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';

/** Removes readings that are older than the retention. */
export interface Retention {
  /** Removes what is due now, and then regularly until closed. */
  start(): void;
  /** Removes what is due now; how many readings that were. */
  prune(workspace: WorkspaceId): Promise<number>;
  close(): Promise<void>;
}

export interface RetentionDeps {
  readonly database: Database;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  readonly retentionMs: number;
  readonly now?: () => number;
  /** How often readings are removed, in milliseconds. */
  readonly periodMs?: number;
  /** How many are removed in one transaction. */
  readonly chunkSize?: number;
}

const PERIOD_MS = 10 * 60_000;
const CHUNK_SIZE = 5_000;

/**
 * Makes the retention of readings. It removes from the old end of each workspace's stream, in chunks, and records in the
 * same transaction up to which sequence: so a reader that stands before that sequence has missed readings, and one that
 * stands behind it has not.
 */
export function createRetention(deps: RetentionDeps): Retention {
  const { database, workspaces, logger, retentionMs, now = Date.now } = deps;
  const { periodMs = PERIOD_MS, chunkSize = CHUNK_SIZE } = deps;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  async function prune(workspace: WorkspaceId): Promise<number> {
    const before = new Date(now() - retentionMs);
    let removed = 0;
    for (let chunk = chunkSize; chunk === chunkSize && !closed; removed += chunk) {
      chunk = await database
        .inWorkspace(workspace)
        .transaction((transaction) => pruneChunk(transaction, before, chunkSize));
      // Readings that arrive meanwhile come first.
      await setImmediate();
    }
    if (removed > 0 && database.kind === 'embedded') await vacuum(database, workspace);
    return removed;
  }

  async function pruneAll(): Promise<void> {
    for (const workspace of workspaces) {
      const removed = await prune(workspace);
      if (removed > 0) logger.info({ workspace, removed }, 'removed readings that are past their retention');
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

  return {
    prune,
    start() {
      timer = setInterval(run, periodMs);
      timer.unref();
      run();
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}

/** Removes at most `size` readings that arrived before an instant, from the old end; how many it were. */
async function pruneChunk({ client, workspace }: Transaction, before: Date, size: number): Promise<number> {
  const [end] = await client.$queryRaw<{ sequence: bigint | null }[]>`
    WITH oldest AS MATERIALIZED (
      SELECT sequence, received_at FROM devices.readings
      WHERE workspace_id = ${workspace} ORDER BY sequence LIMIT ${size}
    )
    SELECT max(sequence) AS sequence FROM oldest
    WHERE sequence < ALL (SELECT sequence FROM oldest WHERE received_at >= ${before.toISOString()}::timestamptz)`;
  const sequence = end?.sequence ?? null;
  if (sequence === null) return 0;
  const removed = await client.reading.deleteMany({ where: { sequence: { lte: sequence } } });
  // Last, as it holds up the writers until the commit.
  await client.$executeRaw`
    UPDATE devices.reading_streams SET pruned_sequence = greatest(pruned_sequence, ${sequence})
    WHERE workspace_id = ${workspace}`;
  return removed.count;
}

/** A server has autovacuum; the embedded Postgres has not, and would never use the room of removed rows again. */
async function vacuum(database: Database, workspace: WorkspaceId): Promise<void> {
  await database.inWorkspace(workspace).client.$executeRawUnsafe('VACUUM devices.readings');
}

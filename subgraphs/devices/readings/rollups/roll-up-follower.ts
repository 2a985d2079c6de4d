import { setImmediate } from 'node:timers/promises';
import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { lacksPartition, type Partitions } from '../partitions.js';
import { findDays, findRollUpEnds, rollUpReadings, type RollUpStretch } from './roll-up-readings.js';

/** A roll-up: its table and how long it is kept. */
export interface Rollup {
  readonly partitions: Partitions;
  readonly retentionMs: number;
}

/** Keeps the roll-ups of one workspace current. */
export interface RollUpFollower {
  start(): void;
  /** There are new readings: it begins within {@link RollUpFollowerDeps.spacingMs}. */
  wake(): void;
  /** Brings everything that is committed into the roll-ups; how many sequences that were. */
  catchUp(): Promise<bigint>;
  close(): Promise<void>;
}

export interface RollUpFollowerDeps {
  readonly database: Database;
  readonly workspace: WorkspaceId;
  readonly minutes: Rollup;
  readonly hours: Rollup;
  readonly logger: Logger;
  readonly now?: () => number;
  /** The least time from one round to the next, in milliseconds: what comes in between shares a statement. */
  readonly spacingMs?: number;
  /** How often it is looked for readings that other processes have stored, in milliseconds. */
  readonly pollMs?: number;
  /** How many sequences one statement goes through. */
  readonly span?: number;
}

const SPACING_MS = 1_000;
const POLL_MS = 10_000;
const SPAN = 20_000;

/** Makes the follower of a workspace's stream that keeps its minutes and hours. */
export function createRollUpFollower(deps: RollUpFollowerDeps): RollUpFollower {
  const { database, workspace, logger, spacingMs = SPACING_MS, pollMs = POLL_MS, span = SPAN } = deps;
  const scope = database.inWorkspace(workspace);
  let closed = false;
  let running: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function catchUp(): Promise<bigint> {
    const { rolled, newest, pruned } = await findRollUpEnds(scope);
    let after = rolled;
    while (after < newest && !closed) {
      const end = after + BigInt(span) > pruned ? after + BigInt(span) : pruned;
      const through = end < newest ? end : newest;
      // Another process was faster: it does the rest.
      if (!(await rollUp({ after, through }))) break;
      after = through;
      // Readings that arrive meanwhile come first.
      await setImmediate();
    }
    return after - rolled;
  }

  async function rollUp(ends: Pick<RollUpStretch, 'after' | 'through'>): Promise<boolean> {
    const { minutes, hours, now = Date.now } = deps;
    const stretch = {
      ...ends,
      minutesFromMs: now() - minutes.retentionMs,
      hoursFromMs: now() - hours.retentionMs,
    };
    try {
      return await rollUpReadings(scope, stretch);
    } catch (error) {
      if (!lacksPartition(error)) throw error;
      const days = await findDays(scope, ends);
      for (const { partitions } of [minutes, hours]) {
        // What another process has dropped meanwhile is not known to be gone.
        partitions.forget();
        await partitions.ensure(days);
      }
      return rollUpReadings(scope, stretch);
    }
  }

  function run(): void {
    if (closed) return;
    running ??= catchUp()
      .then(() => undefined)
      .catch((error: unknown) => {
        logger.error({ err: error, workspace }, 'could not keep the roll-ups current; trying again later');
      })
      .finally(() => {
        running = undefined;
      });
  }

  function wake(): void {
    if (closed || soon) return;
    soon = setTimeout(() => {
      soon = undefined;
      // One that runs now may have looked for the end before this was committed.
      if (running) wake();
      else run();
    }, spacingMs);
    soon.unref();
  }

  return {
    start() {
      timer = setInterval(run, pollMs);
      timer.unref();
      run();
    },
    wake,
    catchUp,
    async close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(soon);
      await running;
    },
  };
}

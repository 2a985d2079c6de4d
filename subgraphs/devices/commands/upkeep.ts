import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';

/** Work that is due again and again, in every workspace. */
export interface Upkeep {
  start(): void;
  /** Does it no later than at this instant. */
  wakeAt(at: Date): void;
  close(): Promise<void>;
}

export interface UpkeepDeps {
  /** What is due now; it resolves with when something is due next, undefined when nothing is known to be. */
  readonly work: (workspace: WorkspaceId) => Promise<Date | undefined>;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  /** Names the work in the log. */
  readonly what: string;
  /** How long it rests at most, in milliseconds. */
  readonly periodMs: number;
  readonly now?: () => number;
}

/** How long it rests at least, in milliseconds. */
const MIN_REST_MS = 20;

/** Makes the upkeep: it begins with the start, and then goes by the earliest instant that it knows of. */
export function createUpkeep({
  work,
  workspaces,
  logger,
  what,
  periodMs,
  now = Date.now,
}: UpkeepDeps): Upkeep {
  let timer: NodeJS.Timeout | undefined;
  let timerAtMs = Infinity;
  let running: Promise<void> | undefined;
  let state: 'new' | 'started' | 'closed' = 'new';

  function schedule(atMs: number): void {
    if (state !== 'started' || atMs >= timerAtMs) return;
    clearTimeout(timer);
    timerAtMs = atMs;
    timer = setTimeout(run, Math.max(MIN_REST_MS, atMs - now()));
    timer.unref();
  }

  function run(): void {
    timerAtMs = Infinity;
    // What is asked for during a run is scheduled on its own, and waits here for its end.
    running = (running ?? Promise.resolve()).then(runOnce);
  }

  async function runOnce(): Promise<void> {
    let nextMs = now() + periodMs;
    for (const workspace of workspaces) {
      if ((state as string) === 'closed') return;
      try {
        const next = await work(workspace);
        nextMs = Math.min(nextMs, next?.getTime() ?? Infinity);
      } catch (error) {
        logger.error({ err: error, workspace }, `could not ${what}; trying again later`);
      }
    }
    schedule(nextMs);
  }

  return {
    start() {
      state = 'started';
      run();
    },
    wakeAt(at) {
      schedule(at.getTime());
    },
    async close() {
      state = 'closed';
      clearTimeout(timer);
      await running;
    },
  };
}

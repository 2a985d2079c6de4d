import { setImmediate } from 'node:timers/promises';
import type { EventLog } from '../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';

/** Removes facts that are older than the retention. */
export interface EventRetention {
  /** Removes what is due now, and then regularly until closed. */
  start(): void;
  close(): Promise<void>;
}

export interface EventRetentionDeps {
  readonly log: EventLog;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  readonly retentionMs: number;
  readonly now?: () => number;
  readonly periodMs?: number;
}

const PERIOD_MS = 60 * 60_000;
const CHUNK = 1_000;

/** Makes the retention of the event log, in chunks that let others go between them. */
export function createEventRetention(deps: EventRetentionDeps): EventRetention {
  const { log, workspaces, logger, retentionMs, now = Date.now, periodMs = PERIOD_MS } = deps;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  async function prune(): Promise<void> {
    const before = new Date(now() - retentionMs);
    for (const workspace of workspaces) {
      let removed = 0;
      for (let chunk = CHUNK; chunk >= CHUNK && !closed; removed += chunk) {
        chunk = await log.prune(workspace, before, CHUNK);
        await setImmediate();
      }
      if (removed > 0) logger.info({ workspace, removed }, 'removed facts that are past their retention');
    }
  }

  function run(): void {
    running ??= prune()
      .catch((error: unknown) => {
        logger.error({ err: error }, 'could not remove old facts; trying again later');
      })
      .finally(() => {
        running = undefined;
      });
  }

  return {
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

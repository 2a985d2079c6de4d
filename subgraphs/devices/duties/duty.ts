import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { DutyLost, type DutyPlace, type DutyRegistry } from './registry.js';

/** Work that one process does for a workspace at a time; another takes over when it ends. */
export interface Duty {
  start(): void;
  /** Ends the work, and gives the duty back. */
  close(): Promise<void>;
}

export interface DutyDeps {
  readonly name: string;
  readonly workspace: WorkspaceId;
  readonly registry: DutyRegistry;
  readonly logger: Logger;
  /** How long the duty is held without being renewed, in milliseconds. */
  readonly leaseMs: number;
  /** Does the work until the signal is aborted: the duty is lost, or the process ends. What it throws makes it begin anew. */
  readonly perform: (place: DutyPlace, signal: AbortSignal) => Promise<void>;
  /** How long after a failure it begins anew, in milliseconds. */
  readonly pauseMs?: number;
}

const PAUSE_MS = 1_000;
/** How often it is renewed within the time that it is held: two may fail. */
const RENEWALS = 3;

/** Makes the loop that waits for a duty, does its work while it is held, and waits again. */
export function createDuty(deps: DutyDeps): Duty {
  const { name, workspace, registry, logger, leaseMs, perform, pauseMs = PAUSE_MS } = deps;
  const ending = new AbortController();
  let running: Promise<void> = Promise.resolve();

  async function attempt(): Promise<void> {
    const place = await registry.acquire(workspace);
    if (place === false) {
      await pause(leaseMs / RENEWALS);
      return;
    }
    const held = new AbortController();
    const onEnd = () => {
      held.abort();
    };
    ending.signal.addEventListener('abort', onEnd, { once: true });
    const timer = setInterval(() => {
      renew(held).catch((error: unknown) => {
        logger.warn({ err: error, duty: name, workspace }, 'could not renew a duty');
      });
    }, leaseMs / RENEWALS);
    try {
      if (!ending.signal.aborted) await perform(place, held.signal);
    } finally {
      clearInterval(timer);
      ending.signal.removeEventListener('abort', onEnd);
      await registry.release(workspace);
    }
  }

  async function renew(held: AbortController): Promise<void> {
    if (await registry.renew(workspace)) return;
    logger.info({ duty: name, workspace }, 'another process has taken over');
    held.abort();
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined);
  }

  function isEnding(): boolean {
    return ending.signal.aborted;
  }

  async function run(): Promise<void> {
    while (!isEnding()) {
      try {
        await attempt();
      } catch (error) {
        if (isEnding()) return;
        if (error instanceof DutyLost) logger.info({ duty: name, workspace }, error.message);
        else logger.error({ err: error, duty: name, workspace }, 'a duty failed; beginning anew');
        await pause(pauseMs);
      }
    }
  }

  return {
    start() {
      running = run();
    },
    async close() {
      ending.abort();
      await running;
    },
  };
}

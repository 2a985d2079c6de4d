import { setTimeout as sleep } from 'node:timers/promises';
import type { Health } from '../../../../kernel/graphql/subgraph.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { openBlueZ, type BlueZ, type OpenBlueZOptions } from './bluez.js';

/** BlueZ while it is there. */
export interface Radio {
  start(): void;
  /** Waits until it is there. `gone` is aborted when it is not any more. Errors: the signal's. */
  get(signal: AbortSignal): Promise<{ readonly bluez: BlueZ; readonly gone: AbortSignal }>;
  /** As it is now; undefined while it is not there. */
  current(): BlueZ | undefined;
  health(): Health;
  close(): Promise<void>;
}

export interface RadioDeps extends Omit<OpenBlueZOptions, 'onLost'> {
  readonly logger: Logger;
  /** What is done for as long as it is there. */
  readonly onOpen: (bluez: BlueZ, gone: AbortSignal) => Promise<void>;
  /** How often it is tried to find it, in milliseconds. */
  readonly retryMs?: number;
  /** How often it is asked whether it is still there, in milliseconds. */
  readonly pingMs?: number;
}

const RETRY_MS = 10_000;
const PING_MS = 10_000;

/** Makes the loop that opens BlueZ, and opens it again whenever it, D-Bus or the adapter was gone. */
export function createRadio(deps: RadioDeps): Radio {
  const { logger, onOpen, retryMs = RETRY_MS, pingMs = PING_MS } = deps;
  const closing = new AbortController();
  const waiting = new Set<() => void>();
  let open: { readonly bluez: BlueZ; readonly gone: AbortSignal } | undefined;
  let reason = 'it has not started';
  let running: Promise<void> = Promise.resolve();

  function tell(next: string): void {
    if (next !== reason) logger.warn({ reason: next }, 'Bluetooth is not there; trying again');
    reason = next;
  }

  async function hold(): Promise<void> {
    const lost = new AbortController();
    const lose = (why: string) => {
      if (lost.signal.aborted || closing.signal.aborted) return;
      tell(why);
      lost.abort();
    };
    const bluez = await openBlueZ({ ...deps, onLost: lose });
    const gone = AbortSignal.any([closing.signal, lost.signal]);
    const isGone = () => gone.aborted;
    open = { bluez, gone };
    logger.info('Bluetooth is there');
    for (const enter of [...waiting]) enter();
    const work = onOpen(bluez, gone).catch((error: unknown) => {
      if (!isGone()) lose(messageOf(error));
    });
    try {
      while (!isGone()) {
        await sleep(pingMs, undefined, { signal: gone }).catch(() => undefined);
        if (!isGone()) await bluez.ping();
      }
    } finally {
      lost.abort();
      open = undefined;
      await work;
      bluez.close();
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await hold().catch((error: unknown) => {
        tell(messageOf(error));
      });
      await sleep(retryMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      running = run();
    },
    current: () => open?.bluez,
    async get(signal) {
      for (;;) {
        signal.throwIfAborted();
        if (open && !open.gone.aborted) return open;
        await new Promise<void>((resolve) => {
          const enter = () => {
            waiting.delete(enter);
            signal.removeEventListener('abort', enter);
            resolve();
          };
          waiting.add(enter);
          signal.addEventListener('abort', enter, { once: true });
        });
      }
    },
    health: () => (open ? { state: 'UP' } : { state: 'DOWN', reason }),
    async close() {
      closing.abort();
      await running;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

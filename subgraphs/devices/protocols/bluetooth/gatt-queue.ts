import { setTimeout as sleep } from 'node:timers/promises';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../../kernel/errors/codes.js';

/** What is told of a device and waits to be stored, one after the other, in order. */
export interface GattQueue {
  /** Drops it when too many wait. */
  add(bytes: Buffer): void;
  /** Whether nothing was ever added. */
  isUnused(): boolean;
  /** Resolves when nothing waits any more. */
  drained(): Promise<void>;
}

/** Why something was not stored that a device told. */
export type LossCause = 'full' | 'failed';

export interface GattQueueDeps {
  /** Stores what is told. */
  readonly take: (bytes: Buffer) => Promise<void>;
  /** Told of each that is lost: `full` where too many wait, `failed` with what came of the last attempt to store it. */
  readonly onLost: (cause: LossCause, error?: unknown) => void;
  /** Told when something is stored. */
  readonly onStored: () => void;
  /** When it ends nothing is tried again. */
  readonly signal: AbortSignal;
  readonly capacity?: number;
  /** How long after a refusal it is tried again, in milliseconds; doubled with each. */
  readonly retryMs?: number;
}

/** How many changes of a device may wait to be stored; what comes then is dropped, as nothing can hold a radio back. */
const CAPACITY = 256;
const RETRY_MS = 250;
/** With the usual pauses an outage of some seconds is bridged. */
const ATTEMPTS = 5;

/** Makes the bounded way of what a device tells into storage. What may be accepted later is tried again a few times. */
export function createGattQueue(deps: GattQueueDeps): GattQueue {
  const { take, onLost, onStored, signal, capacity = CAPACITY, retryMs = RETRY_MS } = deps;
  let waiting = 0;
  let isUnused = true;
  let last: Promise<void> = Promise.resolve();

  async function attempt(bytes: Buffer): Promise<void> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        await take(bytes);
        onStored();
        return;
      } catch (error) {
        const isOver = attempts === ATTEMPTS || signal.aborted || !mayPass(error);
        if (isOver) {
          onLost('failed', error);
          return;
        }
        await sleep(retryMs * 2 ** (attempts - 1), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  return {
    isUnused: () => isUnused,
    add(bytes) {
      isUnused = false;
      if (waiting >= capacity) {
        onLost('full');
        return;
      }
      waiting += 1;
      last = last
        .then(() => attempt(bytes))
        .finally(() => {
          waiting -= 1;
        });
    },
    drained: () => last,
  };
}

function mayPass(error: unknown): boolean {
  return error instanceof AegisError && ERROR_CODES[error.code].retryable;
}

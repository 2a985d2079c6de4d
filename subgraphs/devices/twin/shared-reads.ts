import { untilAborted } from '../../../kernel/lifecycle/until-aborted.js';

/** How long somebody waits for what is shared, and where it learns for how long it is waited. */
export interface SharedWait {
  /** Aborted once nobody waits any more. */
  readonly signal: AbortSignal;
  /** Until when somebody waits, as far as is known now, in milliseconds since 1970. */
  readonly untilMs: () => number;
}

/** Work that several wait for, each for as long as it likes. */
export interface SharedReads {
  /** How much is under way. */
  size(): number;
  has(key: string): boolean;
  /**
   * Waits until the signal is aborted for what is under way by this key, which is begun where nothing is.
   *
   * Errors: those of the work, and the signal's reason.
   */
  wait(
    key: string,
    begin: (wait: SharedWait) => Promise<void>,
    waiter: { readonly signal: AbortSignal; readonly untilMs: number },
  ): Promise<void>;
}

interface Shared {
  readonly work: Promise<void>;
  readonly ended: AbortController;
  waiting: number;
  untilMs: number;
}

/** Makes the table of it. Work ends when it is done, or when the last one has gone that waited for it. */
export function createSharedReads(): SharedReads {
  const reads = new Map<string, Shared>();

  function begin(key: string, work: (wait: SharedWait) => Promise<void>, untilMs: number): Shared {
    const ended = new AbortController();
    const shared: Shared = {
      // Not before it is in the table.
      work: Promise.resolve()
        .then(() => work({ signal: ended.signal, untilMs: () => shared.untilMs }))
        .finally(() => {
          forget(key, shared);
        }),
      ...{ ended, untilMs, waiting: 0 },
    };
    reads.set(key, shared);
    return shared;
  }

  function forget(key: string, shared: Shared): void {
    if (reads.get(key) === shared) reads.delete(key);
  }

  return {
    size: () => reads.size,
    has: (key) => reads.has(key),
    async wait(key, work, { signal, untilMs }) {
      const shared = reads.get(key) ?? begin(key, work, untilMs);
      shared.untilMs = Math.max(shared.untilMs, untilMs);
      shared.waiting += 1;
      try {
        await untilAborted(shared.work, signal);
      } finally {
        shared.waiting -= 1;
        if (shared.waiting === 0) {
          forget(key, shared);
          shared.ended.abort();
          // Nobody is there to hear how it ends.
          shared.work.catch(() => undefined);
        }
      }
    },
  };
}

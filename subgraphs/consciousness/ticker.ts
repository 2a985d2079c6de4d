/** The time, and a way to wait for it. */
export interface Clock {
  now(): Date;
  /** Runs an action once after a delay; the returned function prevents it. */
  after(delayMs: number, action: () => void): () => void;
}

/** The clock of the machine. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

export interface TickerOptions {
  readonly clock: Clock;
  /** Milliseconds from one instant to the next; asked anew each time when it is a function. */
  readonly periodMs: number | (() => number);
  /** Told of each instant; the next is not told before this has settled. */
  readonly onTick: (at: Date) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Tells instants from its start until it is closed; closing waits for the one in hand. */
export interface Ticker {
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Calls back at the whole multiples of a period since 1970, so that lateness never adds up and all processes mean the same
 * instants. An instant that passes while the one before is still being worked on is skipped, never made up for.
 */
export function createTicker({ clock, periodMs: period, onTick, onError }: TickerOptions): Ticker {
  let closed = false;
  let cancel: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();

  function schedule(): void {
    if (closed) return;
    const nowMs = clock.now().getTime();
    const periodMs = typeof period === 'number' ? period : period();
    const nextMs = (Math.floor(nowMs / periodMs) + 1) * periodMs;
    cancel = clock.after(nextMs - nowMs, () => {
      arrive(nextMs, periodMs);
    });
  }

  function arrive(dueMs: number, periodMs: number): void {
    const nowMs = clock.now().getTime();
    // A timer may fire a little early by the wall clock, and the clock may have been set back.
    if (nowMs < dueMs) {
      schedule();
      return;
    }
    const at = new Date(Math.floor(nowMs / periodMs) * periodMs);
    running = onTick(at).catch(onError).finally(schedule);
  }

  return {
    start() {
      schedule();
      return Promise.resolve();
    },
    async close() {
      closed = true;
      cancel?.();
      await running;
    },
  };
}

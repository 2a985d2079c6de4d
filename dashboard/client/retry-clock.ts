/** When to try again: at moments that are the same for all who wait, further apart each time. */
export interface RetryClock {
  /** Waits for the next attempt. */
  wait(): Promise<void>;
  /** Lets everybody who waits go at once. */
  now(): void;
  /** The attempt went well: the next wait is a short one again. */
  reset(): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** Makes the clock of one connection: exponential waits, with chance in them so that pages do not come back all at once. */
export function createRetryClock(): RetryClock {
  let waitMs = FIRST_WAIT_MS;
  let current: { readonly promise: Promise<void>; readonly end: () => void } | undefined;

  function begin(): Promise<void> {
    let end: () => void = () => undefined;
    const promise = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs * (0.75 + 0.5 * Math.random()));
      end = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      current = undefined;
    });
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    current = { promise, end };
    return promise;
  }

  return {
    wait: () => current?.promise ?? begin(),
    now() {
      current?.end();
    },
    reset() {
      waitMs = FIRST_WAIT_MS;
    },
  };
}

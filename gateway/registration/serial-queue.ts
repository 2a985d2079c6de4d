import { AegisError } from '../../kernel/errors/aegis-error.js';

/** Does work one after the other, in the order in which it came. Errors: UNAVAILABLE when too much waits already. */
export type SerialQueue = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Makes an empty one.
 *
 * @param maxWaiting how much may wait or run at a time.
 */
export function createSerialQueue(maxWaiting: number): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (work) => {
    if (waiting >= maxWaiting) {
      throw new AegisError('UNAVAILABLE', `${maxWaiting} changes wait already. Try again later.`);
    }
    waiting += 1;
    const done = last.then(work).finally(() => (waiting -= 1));
    last = done.catch(() => undefined);
    return done;
  };
}

import { AegisError } from '../../kernel/errors/aegis-error.js';

/** Does work one after the other, in the order in which it came. Errors: UNAVAILABLE when too much waits already. */
export type SerialQueue = <T>(work: () => Promise<T>, options?: SerialQueueOptions) => Promise<T>;

export interface SerialQueueOptions {
  /** It is let in however much waits, and counts for nothing: for what can wait but once. */
  readonly reserved?: boolean;
}

/**
 * Makes an empty one.
 *
 * @param maxWaiting how much may wait or run at a time.
 */
export function createSerialQueue(maxWaiting: number): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async (work, { reserved = false } = {}) => {
    if (!reserved && waiting >= maxWaiting) {
      throw new AegisError('UNAVAILABLE', `${maxWaiting} changes wait already. Try again later.`);
    }
    const counted = reserved ? 0 : 1;
    waiting += counted;
    const done = last.then(work).finally(() => (waiting -= counted));
    last = done.catch(() => undefined);
    return done;
  };
}

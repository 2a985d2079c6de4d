/**
 * An iterator over `source` that ends at once when it is told to: by its `return()`, or by the signal.
 *
 * An async generator that waits inside `next()` does not see `return()` until that wait is over; here the waiting
 * reader is let go immediately, and the source is told to end without being waited for.
 */
export function interruptible<T>(source: AsyncIterator<T>, signal?: AbortSignal): AsyncIterableIterator<T> {
  const done: IteratorResult<T> = { value: undefined, done: true };
  let ended = false;
  let letGo: () => void = () => undefined;
  const interrupted = new Promise<IteratorResult<T>>((resolve) => {
    letGo = () => {
      resolve(done);
    };
  });

  function end(): void {
    if (ended) return;
    ended = true;
    signal?.removeEventListener('abort', end);
    letGo();
    // Whatever the source still throws, nobody waits for it any more.
    Promise.resolve(source.return?.()).catch(() => undefined);
  }

  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();

  async function next(): Promise<IteratorResult<T>> {
    if (ended) return done;
    try {
      const result = await Promise.race([source.next(), interrupted]);
      if (result.done) end();
      return result;
    } catch (error) {
      if (ended) return done;
      end();
      throw error;
    }
  }

  return {
    next,
    return() {
      end();
      return Promise.resolve(done);
    },
    throw(error: Error) {
      end();
      return Promise.reject(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * An iterator over `source` that ends at once when it is told to: by its `return()`, or by the signal.
 *
 * An async generator that waits inside `next()` does not see `return()` until that wait is over; here the waiting
 * reader is let go immediately, and the source is told to end without being waited for.
 */
export function interruptible<T>(source: AsyncIterator<T>, signal?: AbortSignal): AsyncIterableIterator<T> {
  const done: IteratorResult<T> = { value: undefined, done: true };
  const state = { ended: false };
  // One entry for each waiting reader. A single promise to race against would gather a reaction with every item.
  const readers = new Set<() => void>();

  function end(): void {
    if (state.ended) return;
    state.ended = true;
    signal?.removeEventListener('abort', end);
    for (const letGo of readers) letGo();
    readers.clear();
    // Whatever the source still throws, nobody waits for it any more.
    Promise.resolve(source.return?.()).catch(() => undefined);
  }

  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();

  async function pull(letGo: () => void): Promise<IteratorResult<T>> {
    try {
      const result = await source.next();
      readers.delete(letGo);
      if (result.done) end();
      return result;
    } catch (error) {
      readers.delete(letGo);
      if (state.ended) return done;
      end();
      throw error;
    }
  }

  return {
    next() {
      if (state.ended) return Promise.resolve(done);
      return new Promise((resolve, reject) => {
        const letGo = () => {
          resolve(done);
        };
        readers.add(letGo);
        pull(letGo).then(resolve, reject);
      });
    },
    return() {
      end();
      return Promise.resolve(done);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

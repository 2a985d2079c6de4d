/**
 * Maps each item of an iterator. Unlike a generator, its `return()` reaches the source at once, even while a reader
 * waits for the next item.
 */
export function mapIterator<T, U>(
  source: AsyncIterator<T>,
  map: (item: T) => U | Promise<U>,
): AsyncIterableIterator<U> {
  const done: IteratorResult<U> = { value: undefined, done: true };
  return {
    async next() {
      const result = await source.next();
      if (result.done) return done;
      const mapped = map(result.value);
      return { value: mapped instanceof Promise ? await mapped : mapped, done: false };
    },
    async return() {
      await source.return?.();
      return done;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

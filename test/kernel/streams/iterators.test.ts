import { describe, expect, it } from '@jest/globals';
import { interruptible } from '../../../kernel/streams/interruptible.js';
import { mapIterator } from '../../../kernel/streams/map-iterator.js';

/** A source that the test answers, and that counts how often it was told to end. */
function createSource() {
  const answers: { resolve(result: IteratorResult<number>): void; reject(error: unknown): void }[] = [];
  const state = { returned: 0 };
  const source: AsyncIterator<number> = {
    next: () =>
      new Promise((resolve, reject) => {
        answers.push({ resolve, reject });
      }),
    return() {
      state.returned += 1;
      return Promise.resolve({ value: undefined, done: true });
    },
  };
  return { source, answers, state };
}

describe('an interruptible iterator', () => {
  it('hands on items, the end and errors of its source', async () => {
    const { source, answers } = createSource();
    const iterator = interruptible(source);
    const first = iterator.next();
    answers[0]?.resolve({ value: 1, done: false });
    expect(await first).toEqual({ value: 1, done: false });
    const second = iterator.next();
    answers[1]?.reject(new Error('broken'));
    await expect(second).rejects.toThrow('broken');
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  it('lets waiting readers go at once when it is left, and tells the source once', async () => {
    const { source, state } = createSource();
    const iterator = interruptible(source);
    const waiting = [iterator.next(), iterator.next()];
    await iterator.return?.();
    await iterator.return?.();
    expect(await Promise.all(waiting)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    expect(state.returned).toBe(1);
  });

  it('ends with its signal, also one that was given before', async () => {
    const { source, state } = createSource();
    const leaving = new AbortController();
    const waiting = interruptible(source, leaving.signal).next();
    leaving.abort();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(await interruptible(source, AbortSignal.abort()).next()).toEqual({ value: undefined, done: true });
    expect(state.returned).toBe(2);
  });

  it('hears no error of a source that it has left', async () => {
    const { source, answers } = createSource();
    const iterator = interruptible(source);
    const waiting = iterator.next();
    await iterator.return?.();
    answers[0]?.reject(new Error('nobody waits for this'));
    expect(await waiting).toEqual({ value: undefined, done: true });
    await new Promise(setImmediate);
  });
});

describe('a mapped iterator', () => {
  it('maps each item, also by a promise', async () => {
    const { source, answers } = createSource();
    const mapped = mapIterator(source, (n) => Promise.resolve(n * 2));
    const first = mapped.next();
    answers[0]?.resolve({ value: 21, done: false });
    expect(await first).toEqual({ value: 42, done: false });
  });

  it('tells its source to end though somebody waits for the next item', async () => {
    const { source, state } = createSource();
    const mapped = mapIterator(source, (n) => n);
    void mapped.next();
    await mapped.return?.();
    expect(state.returned).toBe(1);
  });
});

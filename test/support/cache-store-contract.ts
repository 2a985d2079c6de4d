import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { CacheEntry, CacheStore } from '../../gateway/caching/cache-store.js';
import { waitFor } from './wait-for.js';

/** An entry that is fresh for a minute. */
export function cacheEntry(value: string, more: Partial<CacheEntry> = {}): CacheEntry {
  const storedAt = Date.now();
  const freshUntil = storedAt + 60_000;
  const until = { storedAt, freshUntil, revalidateUntil: freshUntil, errorUntil: freshUntil };
  return { value, ...until, scope: 'public', labels: [], tags: [], ...more };
}

/** What every store must do. @param open an empty store. */
export function describeStore(open: () => Promise<CacheStore>): void {
  let store: CacheStore;

  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  async function keep(entries: Readonly<Record<string, CacheEntry>>): Promise<void> {
    store.setMany(new Map(Object.entries(entries)));
    const keys = Object.keys(entries);
    await waitFor('they are kept', async () =>
      (await store.getMany(keys)).every((entry) => entry !== undefined),
    );
  }

  it('gives back what it was given, in the order of the keys', async () => {
    const one = cacheEntry('{"a":"\\n"}', { labels: ['l'], tags: ['t'], scope: 'private' });
    const two = cacheEntry('null');
    await keep({ one, two });
    expect(await store.getMany(['two', 'three', 'one'])).toEqual([two, undefined, one]);
    expect(await store.getMany([])).toEqual([]);
  });

  it('replaces an entry, with its labels', async () => {
    await keep({ one: cacheEntry('1', { labels: ['old'] }) });
    store.setMany(new Map([['one', cacheEntry('2', { labels: ['new'] })]]));
    await waitFor('it is replaced', async () => (await store.getMany(['one']))[0]?.value === '2');
    expect(await store.removeLabelled(['new'])).toBe(1);
    expect(await store.getMany(['one'])).toEqual([undefined]);
  });

  it('forgets what is of no use any more', async () => {
    const soon = Date.now() + 150;
    const until = { freshUntil: soon, revalidateUntil: soon, errorUntil: soon };
    await keep({
      one: cacheEntry('1', until),
      two: cacheEntry('2', { ...until, errorUntil: soon + 60_000 }),
    });
    await waitFor('it is forgotten', async () => (await store.getMany(['one']))[0] === undefined);
    expect((await store.getMany(['two']))[0]?.value).toBe('2');
  });

  it('removes what has a label, or all of several', async () => {
    await keep({
      one: cacheEntry('1', { labels: ['a', 'b'] }),
      two: cacheEntry('2', { labels: ['a'] }),
      three: cacheEntry('3', { labels: ['b'] }),
    });
    expect(await store.removeLabelled(['a', 'b'])).toBe(1);
    expect(await store.removeLabelled(['a', 'b'])).toBe(0);
    expect(await store.removeLabelled(['a'])).toBe(1);
    expect(await store.removeLabelled(['nobody'])).toBe(0);
    expect(await store.removeLabelled([])).toBe(0);
    expect((await store.getMany(['one', 'two', 'three'])).map((entry) => entry?.value)).toEqual([
      undefined,
      undefined,
      '3',
    ]);
  });

  it('removes many at a time', async () => {
    const many = Array.from({ length: 2_500 }, (_one, number) => [
      `k${number}`,
      cacheEntry('1', { labels: ['m'] }),
    ]);
    await keep(Object.fromEntries(many) as Record<string, CacheEntry>);
    expect(await store.removeLabelled(['m'])).toBe(2_500);
  });
}

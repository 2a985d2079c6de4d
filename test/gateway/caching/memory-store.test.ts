import { describe, expect, it } from '@jest/globals';
import { createMemoryStore } from '../../../gateway/caching/memory-store.js';
import { cacheEntry, describeStore } from '../../support/cache-store-contract.js';

describe('a store in memory', () => {
  describeStore(() => Promise.resolve(createMemoryStore({ maxBytes: 10_000_000, now: Date.now })));

  it('holds no more bytes than it may, and lets go of what was used least recently', async () => {
    const store = createMemoryStore({ maxBytes: 10_000, now: Date.now });
    const large = cacheEntry('x'.repeat(1_000), { labels: ['l'] });
    store.setMany(new Map([['first', large]]));
    for (let number = 0; number < 100; number += 1) {
      store.setMany(new Map([[String(number), large]]));
      await store.getMany(['first']);
      expect(store.bytes).toBeLessThanOrEqual(10_000);
    }
    const [first, second, last] = await store.getMany(['first', '1', '99']);
    expect([first?.value, second?.value, last?.value]).toEqual([large.value, undefined, large.value]);
    expect(await store.removeLabelled(['l'])).toBe(4);
    expect(store.bytes).toBe(0);
  });

  it('does not take what is larger than all its room', async () => {
    const store = createMemoryStore({ maxBytes: 10_000, now: Date.now });
    store.setMany(new Map([['one', cacheEntry('x'.repeat(10_000), { labels: ['l'] })]]));
    expect(await store.getMany(['one'])).toEqual([undefined]);
    expect(await store.removeLabelled(['l'])).toBe(0);
  });
});

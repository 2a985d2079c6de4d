import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createPersistedQueries } from '../../../gateway/access/persisted-queries.js';

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Which of some texts a store still has after it was given all of them, first to last. */
function keepAll(maxCharacters: number, texts: readonly string[]): readonly string[] {
  const store = createPersistedQueries(maxCharacters);
  for (const text of texts) store.keep(hashOf(text), text);
  return texts.filter((text) => store.find(hashOf(text)) === text);
}

describe('persisted queries', () => {
  it('that are short are bounded by more than their texts', () => {
    const texts = Array.from({ length: 1_000 }, (_one, number) => `{a${number}}`);
    const kept = keepAll(20_000, texts);
    // Their texts and hashes alone would leave room for 280 of them.
    expect(kept.length).toBeGreaterThan(50);
    expect(kept.length).toBeLessThan(150);
    expect(kept).toEqual(texts.slice(-kept.length));
  });

  it('that were used least recently go first', () => {
    const store = createPersistedQueries(2_000);
    const texts = Array.from({ length: 30 }, (_one, number) => `{b${number}}`);
    for (const text of texts) {
      store.keep(hashOf(text), text);
      store.find(hashOf('{b0}'));
    }
    expect(store.find(hashOf('{b0}'))).toBe('{b0}');
    expect(store.find(hashOf('{b1}'))).toBeUndefined();
  });

  it('that are long are not kept, and others stay', () => {
    const long = `{${'a'.repeat(2_000)}}`;
    expect(keepAll(20_000, ['{a}', long, '{b}'])).toEqual(['{a}', '{b}']);
  });

  it('are refused under a hash that is not theirs', () => {
    const store = createPersistedQueries(20_000);
    expect(store.matches(hashOf('{a}'), '{a}')).toBe(true);
    expect(store.matches(hashOf('{a}'), '{b}')).toBe(false);
    store.keep(hashOf('{a}'), '{a}');
    expect(store.matches(hashOf('{a}'), '{b}')).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import { readCaching } from '../../../gateway/transports/read-caching.js';

function read(
  headers: Record<string, string | string[]>,
  differing: readonly string[] = [],
  body: unknown = {},
) {
  return readCaching({ headers, differs: (name) => differing.includes(name), body });
}

describe('how long an answer may be kept', () => {
  it.each([
    ['max-age=60, public', { maxAgeMs: 60_000, scope: 'public' }],
    ['public,  MAX-AGE="60"', { maxAgeMs: 60_000, scope: 'public' }],
    ['max-age=60, private', { maxAgeMs: 60_000, scope: 'private' }],
    ['max-age=60, s-maxage=10', { maxAgeMs: 10_000, scope: 'public' }],
    ['max-age=60, s-maxage=10, private', { maxAgeMs: 60_000, scope: 'private' }],
    ['max-age=60', { maxAgeMs: 60_000, scope: 'public' }],
    [
      'max-age=60, stale-while-revalidate=5, stale-if-error=7',
      { maxAgeMs: 60_000, scope: 'public', staleWhileRevalidateMs: 5_000, staleIfErrorMs: 7_000 },
    ],
    ['max-age=60, stale-if-error=7, must-revalidate', { maxAgeMs: 60_000, scope: 'public' }],
    ['no-store', undefined],
    ['max-age=60, no-store', undefined],
    ['max-age=60, no-cache', undefined],
    ['public', undefined],
    ['max-age=0', undefined],
    ['max-age=-1', undefined],
    ['max-age=soon', undefined],
    ['', undefined],
  ])('is said by %j', (header, expected) => {
    expect(read({ 'cache-control': header })).toEqual(expected);
  });

  it('is less for an answer that was kept on its way', () => {
    expect(read({ 'cache-control': 'max-age=60', age: '45' })?.maxAgeMs).toBe(15_000);
    expect(read({ 'cache-control': 'max-age=60', age: '60' })).toBeUndefined();
  });

  it('is not said where nothing is said', () => {
    expect(read({})).toBeUndefined();
  });

  it('is for who asked alone, where requests may say who that is and the answer does not say that it is for all', () => {
    const differing = ['authorization'];
    expect(read({ 'cache-control': 'max-age=60' }, differing)?.scope).toBe('private');
    expect(read({ 'cache-control': 'max-age=60, public' }, differing)?.scope).toBe('public');
    expect(read({ 'cache-control': 's-maxage=60' }, differing)?.scope).toBe('public');
  });

  it('is for those who send the same, where it varies with what clients may send', () => {
    const differing = ['accept-language'];
    const header = { 'cache-control': 'max-age=60, public' };
    expect(read({ ...header, vary: 'Accept-Encoding, Accept-Language' }, differing)?.scope).toBe('private');
    expect(read({ ...header, vary: ['Origin', 'Accept-Encoding'] }, differing)?.scope).toBe('public');
    expect(read({ ...header, vary: '' }, [''])?.scope).toBe('public');
    expect(read({ ...header, vary: '*' }, differing)).toBeUndefined();
    expect(read({ ...header, vary: 'Traceparent' }, differing)).toBeUndefined();
  });

  it('comes with tags', () => {
    const extensions = { apolloCacheTags: ['a', 1], apolloEntityCacheTags: [['b'], 'c', ['d', null]] };
    expect(read({ 'cache-control': 'max-age=1' }, [], { extensions })).toMatchObject({
      tags: ['a'],
      entityTags: [['b'], [], ['d']],
    });
  });
});

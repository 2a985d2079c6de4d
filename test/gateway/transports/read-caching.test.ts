import { describe, expect, it } from '@jest/globals';
import { readCaching } from '../../../gateway/transports/read-caching.js';

function read(
  headers: Record<string, string | string[]>,
  sent: Record<string, string> = {},
  body: unknown = {},
) {
  return readCaching({ headers, sent, body });
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

  it('is for who asked alone, where the request says who that is and the answer does not say that it is for all', () => {
    const sent = { authorization: 'Bearer a' };
    expect(read({ 'cache-control': 'max-age=60' }, sent)?.scope).toBe('private');
    expect(read({ 'cache-control': 'max-age=60, public' }, sent)?.scope).toBe('public');
    expect(read({ 'cache-control': 's-maxage=60' }, sent)?.scope).toBe('public');
  });

  it('is for those who send the same, where it varies with what clients send', () => {
    const sent = { 'accept-language': 'de' };
    const header = { 'cache-control': 'max-age=60, public' };
    expect(read({ ...header, vary: 'Accept-Encoding, Accept-Language' }, sent)?.scope).toBe('private');
    expect(read({ ...header, vary: ['Origin', 'Accept-Encoding'] }, sent)?.scope).toBe('public');
    expect(read({ ...header, vary: '*' }, sent)).toBeUndefined();
  });

  it('comes with tags', () => {
    const extensions = { apolloCacheTags: ['a', 1], apolloEntityCacheTags: [['b'], 'c', ['d', null]] };
    expect(read({ 'cache-control': 'max-age=1' }, {}, { extensions })).toMatchObject({
      tags: ['a'],
      entityTags: [['b'], [], ['d']],
    });
  });
});

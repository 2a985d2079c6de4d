import { describe, expect, it } from '@jest/globals';
import { mergeResolvers } from '../../../kernel/graphql/merge-resolvers.js';

const resolve = () => null;

describe('merging resolvers', () => {
  it('makes one type of what several add to it', () => {
    const merged = mergeResolvers([
      { Query: { device: resolve } },
      { Query: { alarms: resolve }, Alarm: { device: resolve } },
    ]);
    expect(merged).toEqual({ Query: { device: resolve, alarms: resolve }, Alarm: { device: resolve } });
  });

  it('refuses two resolvers of one field, and names it', () => {
    expect(() => mergeResolvers([{ Query: { device: resolve } }, { Query: { device: resolve } }])).toThrow(
      'expected one resolver of Query.device, got two',
    );
  });
});

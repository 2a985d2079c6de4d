import { describe, expect, it } from '@jest/globals';
import { isLabelKey, isLabelValue } from '../../../../subgraphs/devices/fleet/labels.js';
import { parseLabelSelector } from '../../../../subgraphs/devices/fleet/selection/label-selector.js';

describe('a label', () => {
  it.each(['site', 'a', 'App.kubernetes-io_1', 'example.com/site', 'a'.repeat(63)])(
    'may have the key %s',
    (key) => {
      expect(isLabelKey(key)).toBe(true);
    },
  );

  it.each([
    '',
    '-site',
    'site-',
    'a/b/c',
    'Example.com/site',
    '/site',
    'example.com/',
    'a'.repeat(64),
    'a b',
  ])('may not have the key %j', (key) => {
    expect(isLabelKey(key)).toBe(false);
  });

  it('may have an empty value, and none that ends with a dot', () => {
    expect(isLabelValue('')).toBe(true);
    expect(isLabelValue('Berlin-1')).toBe(true);
    expect(isLabelValue('berlin.')).toBe(false);
  });
});

describe('a selector of labels', () => {
  it('reads every form that Kubernetes knows', () => {
    expect(
      parseLabelSelector(
        'site=berlin, tier in (gold, silver),floor!=2, env notin (test,), owner, !retired, a==b',
      ),
    ).toEqual([
      { kind: 'in', key: 'site', values: ['berlin'] },
      { kind: 'in', key: 'tier', values: ['gold', 'silver'] },
      { kind: 'notIn', key: 'floor', values: ['2'] },
      { kind: 'notIn', key: 'env', values: ['test', ''] },
      { kind: 'exists', key: 'owner' },
      { kind: 'missing', key: 'retired' },
      { kind: 'in', key: 'a', values: ['b'] },
    ]);
  });

  it('is no condition when it is empty', () => {
    expect(parseLabelSelector('  ')).toEqual([]);
  });

  it.each(['=x', 'a=b=c', 'a in b', 'a in (b', 'a,,b', '!', 'a > 3', 'a=b.', "a'; DROP TABLE devices--"])(
    'refuses %j and names it',
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow(/^labels: expected conditions such as .* got "/);
    },
  );
});

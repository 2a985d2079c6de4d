import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fuseTracks } from '../../../../subgraphs/devices/fusion/fuse-tracks.js';
import type { FusionMethod } from '../../../../subgraphs/devices/generated/schema-types.js';
import { fusionOptions, trackOf } from './support/inputs.js';

const METHODS: readonly FusionMethod[] = [
  ...(['INVERSE_VARIANCE', 'KALMAN_LEVEL', 'KALMAN_VELOCITY', 'MEDIAN', 'MAJORITY'] as const),
];
const SECONDS = Array.from({ length: 10 }, (_, second) => second * 1_000);

const variances = fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 8 });
const reading = fc.tuple(fc.nat(10_000), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
const readings = fc
  .uniqueArray(reading, { selector: ([at]) => at, maxLength: 20 })
  .map((list) => list.sort(([a], [b]) => a - b));

describe('every method', () => {
  it.each(METHODS)('%s gives equal readings back as they are', (method) => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), variances, (value, given) => {
        const tracks = given.map((_, index) =>
          trackOf(
            `${index}`,
            SECONDS.map((at) => [at, value]),
          ),
        );
        const points = fuseTracks(
          tracks,
          fusionOptions({ method, varianceOf: (id) => given[Number(id)] ?? 1 }),
        );
        expect(points.map((point) => point.value)).toEqual(SECONDS.map(() => value));
        expect(points.every((point) => point.refused.length === 0)).toBe(true);
      }),
    );
  });

  it.each(METHODS)('%s makes no difference between orders of the devices', (method) => {
    fc.assert(
      fc.property(fc.array(readings, { minLength: 2, maxLength: 5 }), variances, (lists, given) => {
        const tracks = lists.map((list, index) => trackOf(`d${index}`, list));
        const options = fusionOptions({ method, varianceOf: (id) => given[Number(id.slice(1))] ?? 1 });
        expect(fuseTracks([...tracks].reverse(), options)).toEqual(fuseTracks(tracks, options));
      }),
    );
  });

  it.each(METHODS)('%s names every device at every point, once, as used or refused', (method) => {
    fc.assert(
      fc.property(fc.array(readings, { minLength: 1, maxLength: 5 }), (lists) => {
        const tracks = lists.map((list, index) => trackOf(`d${index}`, list));
        for (const point of fuseTracks(tracks, fusionOptions({ method }))) {
          const named = [...point.used, ...point.refused].map(({ deviceId }) => deviceId).sort();
          expect(named).toEqual(tracks.map(({ deviceId }) => deviceId));
          expect(point.value === null).toBe(point.variance === null);
        }
      }),
    );
  });
});

describe('inverse variance', () => {
  it('never has a larger variance than the best of its inputs, nor a value outside of them', () => {
    fc.assert(
      fc.property(fc.array(readings, { minLength: 1, maxLength: 5 }), variances, (lists, given) => {
        const tracks = lists.map((list, index) => trackOf(`d${index}`, list));
        const varianceOf = (id: string) => given[Number(id.slice(1))] ?? 1;
        for (const { used, value, variance } of fuseTracks(tracks, fusionOptions({ varianceOf }))) {
          if (value === null || variance === null) continue;
          expect(variance).toBeLessThanOrEqual(Math.min(...used.map((input) => input.variance)));
          expect(value).toBeGreaterThanOrEqual(Math.min(...used.map((input) => input.value)));
          expect(value).toBeLessThanOrEqual(Math.max(...used.map((input) => input.value)));
        }
      }),
    );
  });
});

describe('a filter on a grid', () => {
  it('takes each reading once and is less certain in between, but silent where no reading reaches', () => {
    const points = fuseTracks(
      [
        trackOf('a', [
          [0, 5],
          [2_000, 5],
        ]),
      ],
      fusionOptions({
        method: 'KALMAN_LEVEL',
        alignment: 'ZERO_ORDER_HOLD',
        toMs: 5_000,
        driftVariance: 0.5,
      }),
    );
    expect(points.map(({ value }) => value)).toEqual([5, 5, 5, 5, null]);
    expect(points.map(({ variance }) => variance)).toEqual([1, 1.5, 2 / 3, 2 / 3 + 0.5, null]);
    expect(points.map(({ refused }) => refused.map(({ reason }) => reason))).toEqual([
      ...[[], ['REPEATED'], [], ['REPEATED'], ['STALE']],
    ]);
  });

  it('remembers how long no reading came', () => {
    const points = fuseTracks(
      [
        trackOf('a', [
          [0, 0],
          [4_000, 0],
        ]),
      ],
      fusionOptions({ method: 'KALMAN_LEVEL', maxGapMs: 0, toMs: 5_000, driftVariance: 1 }),
    );
    // From variance 1, four steps of 1 each, and a correction by a measurement of variance 1: 5 · 1 / (5 + 1).
    expect(points.map(({ variance }) => variance)).toEqual([1, null, null, null, expect.closeTo(5 / 6, 12)]);
  });
});

it('begins at the beginning of the range and ends before its end', () => {
  const at = (toMs: number) => fuseTracks([], fusionOptions({ toMs })).map((point) => point.at.getTime());
  expect(at(2_000)).toEqual([0, 1_000]);
  expect(at(2_001)).toEqual([0, 1_000, 2_000]);
  expect(at(1)).toEqual([0]);
});

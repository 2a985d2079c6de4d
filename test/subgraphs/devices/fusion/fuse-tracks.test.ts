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

describe('a filter on a grid that is finer than what is measured, or beside it', () => {
  const tens = (offsetMs: number, valueAt: (seconds: number) => number) =>
    Array.from({ length: 12 }, (_, index) => {
      const at = index * 10_000 + offsetMs;
      return [at, valueAt(at / 1_000)] as const;
    });
  const wide = { toMs: 110_000, maxGapMs: 60_000, varianceOf: () => 0.01 };
  const isKnown = ({ value }: { readonly value: number | null }) => value !== null;

  it.each([
    [0, 1_000],
    [3_700, 1_000],
    [3_700, 700],
    [3_700, 20_000],
    [9_999, 30_000],
  ])(
    'follows a straight line exactly, measured %d ms behind each tenth second, on %d ms',
    (offset, stepMs) => {
      const line = (seconds: number) => 5 + seconds;
      const points = fuseTracks([trackOf('a', tens(offset, line))], {
        ...fusionOptions({ method: 'KALMAN_VELOCITY', ...wide, stepMs }),
      });
      const shown = points.filter(({ at }) => at.getTime() >= offset + 10_000 + stepMs);
      expect(shown.length).toBeGreaterThan(1);
      for (const { at, value } of shown) expect(value).toBeCloseTo(line(at.getTime() / 1_000), 9);
    },
  );

  it('follows a straight line exactly that two devices measure by turns', () => {
    const line = (seconds: number) => 2 - 3 * seconds;
    const tracks = [trackOf('a', tens(0, line)), trackOf('b', tens(4_321, line))];
    const points = fuseTracks(tracks, {
      ...fusionOptions({ method: 'KALMAN_VELOCITY', ...wide }),
      varianceOf: (id) => (id === 'a' ? 0.01 : 0.3),
    });
    for (const { at, value } of points.slice(5)) expect(value).toBeCloseTo(line(at.getTime() / 1_000), 8);
  });

  it('takes the second of two measurements of nearly one time for a velocity only when it is far enough', () => {
    const tracks = [trackOf('a', [[998, 1]]), trackOf('b', [[1_002, 2]])];
    const points = fuseTracks(tracks, {
      ...fusionOptions({ method: 'KALMAN_VELOCITY', ...wide, toMs: 4_000 }),
    });
    expect(points.map(({ value }) => value)).toEqual([null, null, null, null]);
  });

  it('never moves before what moves it was measured', () => {
    const jump = tens(0, (seconds) => (seconds < 30 ? 0 : 100));
    for (const method of ['KALMAN_LEVEL', 'KALMAN_VELOCITY'] as const) {
      const points = fuseTracks([trackOf('a', jump)], fusionOptions({ method, ...wide }));
      const values = points.filter(isKnown).map(({ at, value }) => [at.getTime(), value] as const);
      expect(values.filter(([at]) => at < 30_000).map(([, value]) => value)).not.toContainEqual(
        expect.not.closeTo(0, 9),
      );
      expect(values.find(([at]) => at === 30_000)?.[1]).toBeGreaterThan(50);
    }
  });

  it('says what it would with any later reading left out', () => {
    fc.assert(
      fc.property(
        readings,
        fc.nat(9),
        fc.constantFrom('KALMAN_LEVEL', 'KALMAN_VELOCITY'),
        (list, last, method) => {
          const options = fusionOptions({ method, maxGapMs: 5_000 });
          const known = list.filter(([at]) => at <= last * 1_000);
          const all = fuseTracks([trackOf('a', list)], options).slice(0, last + 1);
          const causal = fuseTracks([trackOf('a', known)], options).slice(0, last + 1);
          const shown = ({ value, variance }: (typeof all)[number]) => [value, variance];
          expect(all.map(shown)).toEqual(causal.map(shown));
        },
      ),
    );
  });

  it('counts a level from when it was measured, on whatever grid', () => {
    // P' = P·R/(P + R) with P grown by q for each second since the measurement before.
    const [q, r] = [0.5, 2];
    const list = [
      [3_700, 10],
      [13_700, 20],
    ] as const;
    const pointsOn = (stepMs: number) =>
      fuseTracks([trackOf('a', list)], {
        ...fusionOptions({ method: 'KALMAN_LEVEL', ...wide, stepMs, toMs: 20_001, driftVariance: q }),
        varianceOf: () => r,
      });
    const prior = r + q * 10;
    const posterior = (prior * r) / (prior + r);
    for (const stepMs of [500, 1_000, 4_000, 10_000]) {
      const points = pointsOn(stepMs);
      const last = points.at(-1);
      expect(last?.value).toBeCloseTo(10 + (10 * prior) / (prior + r), 9);
      expect(last?.variance).toBeCloseTo(posterior + q * 6.3, 9);
      const early = points.filter(({ at }) => at.getTime() < 13_700 && at.getTime() >= 3_700);
      for (const { at, value, variance } of early) {
        expect(value).toBe(10);
        expect(variance).toBeCloseTo(r + q * (at.getTime() / 1_000 - 3.7), 9);
      }
    }
  });
});

it('begins at the beginning of the range and ends before its end', () => {
  const at = (toMs: number) => fuseTracks([], fusionOptions({ toMs })).map((point) => point.at.getTime());
  expect(at(2_000)).toEqual([0, 1_000]);
  expect(at(2_001)).toEqual([0, 1_000, 2_000]);
  expect(at(1)).toEqual([0]);
});

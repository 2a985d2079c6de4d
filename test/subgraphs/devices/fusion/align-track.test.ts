import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { alignTrack, type AlignedValue } from '../../../../subgraphs/devices/fusion/align-track.js';
import type { TimeAlignment } from '../../../../subgraphs/devices/generated/schema-types.js';
import { trackOf } from './support/inputs.js';

const READINGS = [
  [100, 10],
  [200, 20],
  [600, 60],
] as const;

/** What an alignment makes of the readings above: the value, or the reason why there is none. */
function align(alignment: TimeAlignment, grid: readonly number[], maxGapMs: number) {
  return alignTrack(trackOf('d', READINGS), grid, { alignment, maxGapMs }).map(shorten);
}

function shorten(aligned: AlignedValue): number | string {
  return 'value' in aligned ? aligned.value : aligned.reason;
}

describe('NEAREST', () => {
  it('takes the nearest reading, the earlier of two equally near, up to the gap', () => {
    expect(align('NEAREST', [49, 50, 100, 149, 150, 151, 250, 251, 550, 650, 651], 50)).toEqual([
      ...['GAP', 10, 10, 10, 10, 20, 20],
      ...['GAP', 60, 60, 'GAP'],
    ]);
  });
});

describe('LINEAR', () => {
  it('takes the line between readings no further apart than the gap, and a reading of that instant', () => {
    expect(align('LINEAR', [99, 100, 125, 200, 300, 600, 601], 100)).toEqual([
      ...['GAP', 10, 12.5, 20, 'GAP', 60, 'GAP'],
    ]);
    expect(align('LINEAR', [300, 500], 400)).toEqual([30, 50]);
  });

  it('gives every point of a straight line back, and never leaves the values on either side', () => {
    const whole = fc.integer({ min: -1_000, max: 1_000 });
    fc.assert(
      fc.property(whole, whole, fc.uniqueArray(fc.nat(10_000), { minLength: 2 }), (slope, height, times) => {
        const instants = times.sort((a, b) => a - b);
        const track = trackOf(
          'd',
          instants.map((at) => [at, height + slope * at]),
        );
        const grid = Array.from({ length: 50 }, (_, index) => index * 200);
        const aligned = alignTrack(track, grid, { alignment: 'LINEAR', maxGapMs: 10_000 });
        for (const [index, at] of grid.entries()) {
          const inside = at >= (instants[0] ?? 0) && at <= (instants.at(-1) ?? 0);
          const value = shorten(aligned[index] ?? { reason: 'GAP' });
          if (inside) expect(value).toBeCloseTo(height + slope * at, 6);
          else expect(value).toBe('GAP');
        }
      }),
    );
  });
});

describe('ZERO_ORDER_HOLD', () => {
  it('holds the last reading until it is stale, and looks at no later one', () => {
    expect(align('ZERO_ORDER_HOLD', [99, 100, 199, 200, 350, 351, 700, 751], 150)).toEqual([
      ...['GAP', 10, 10, 20, 20, 'STALE', 60, 'STALE'],
    ]);
  });
});

describe('readings that cannot be used', () => {
  const track = { ...trackOf('d', READINGS), good: [true, false, true] };

  it('are passed over where a usable one reaches, and named where none does', () => {
    const nearest = alignTrack(track, [120, 200, 255], { alignment: 'NEAREST', maxGapMs: 50 });
    expect(nearest.map(shorten)).toEqual([10, 'BAD', 'GAP']);
    const line = alignTrack(track, [200], { alignment: 'LINEAR', maxGapMs: 500 });
    expect(line.map(shorten)).toEqual([18 + 2]);
  });

  it('do not count before they were measured when the last one is held', () => {
    const held = alignTrack(track, [151, 199, 200, 251], { alignment: 'ZERO_ORDER_HOLD', maxGapMs: 50 });
    expect(held.map(shorten)).toEqual(['STALE', 'STALE', 'BAD', 'STALE']);
  });
});

it('tells the time of the newest reading behind a value', () => {
  const sourceOf = (alignment: TimeAlignment, at: number) =>
    alignTrack(trackOf('d', READINGS), [at], { alignment, maxGapMs: 400 })[0];
  expect(sourceOf('NEAREST', 180)).toEqual({ value: 20, sourceAtMs: 200 });
  expect(sourceOf('LINEAR', 150)).toEqual({ value: 15, sourceAtMs: 200 });
  expect(sourceOf('ZERO_ORDER_HOLD', 199)).toEqual({ value: 10, sourceAtMs: 100 });
});

import { describe, expect, it } from '@jest/globals';
import { AnomalyDetector } from '../../../../subgraphs/consciousness/watch/anomaly-detector.js';
import { ChangeDetector } from '../../../../subgraphs/consciousness/watch/change-point.js';
import { medianOf, robustZ } from '../../../../subgraphs/consciousness/watch/robust-z.js';
import { createRandom, noise } from '../support/waves.js';

describe('robust z', () => {
  it('is that of the worked example: 10 of 1 to 9', () => {
    // The median is 5, the absolute deviations 0 1 1 2 2 3 3 4 4 with the median 2: (10 − 5) / (1.4826 · 2).
    const { z, median, deviation } = robustZ(10, [1, 2, 3, 4, 5, 6, 7, 8, 9], 0);
    expect(median).toBe(5);
    expect(deviation).toBeCloseTo(2.9652, 10);
    expect(z).toBeCloseTo(1.6862, 4);
  });

  it('is not drawn along by a wild one', () => {
    expect(robustZ(1.4, [1, 1.1, 0.9, 1.05, 0.95, 1_000], 0.01).z).toBeGreaterThan(2.5);
  });

  it('takes the least deviation where all others are the same', () => {
    expect(robustZ(1.1, [1, 1, 1], 0.05).z).toBeCloseTo(2, 10);
  });

  it('has the mean of the middle two for the median of an even number', () => {
    expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('cumulative sums', () => {
  /** How many values it takes until a change is told. */
  function runLength(values: Iterable<number>, options = { slack: 0.5, limit: 5 }): number {
    const detector = new ChangeDetector(options);
    let count = 0;
    for (const value of values) {
      count += 1;
      if (detector.push(value)) return count;
    }
    return Infinity;
  }

  it('tell a constant shift by one deviation after h / (1 − k) values, and a little', () => {
    expect(runLength(Array.from({ length: 100 }, () => 1))).toBe(11);
    expect(runLength(Array.from({ length: 100 }, () => -2))).toBe(4);
  });

  it('have the run length of the tables: 465 without a shift, 10.4 with one of a deviation', () => {
    // Montgomery, Introduction to Statistical Quality Control, table 9.3: k = ½, h = 5, both directions.
    const random = createRandom(5);
    function* shifted(shift: number) {
      for (let count = 0; count < 5_000; count += 1) yield (noise(1, random)[0] ?? 0) + shift;
    }
    const mean = (shift: number, runs: number) => {
      let sum = 0;
      for (let run = 0; run < runs; run += 1) sum += runLength(shifted(shift));
      return sum / runs;
    };
    const unshifted = mean(0, 300);
    expect(unshifted).toBeGreaterThan(380);
    expect(unshifted).toBeLessThan(560);
    expect(mean(1, 400)).toBeCloseTo(10.4, 0);
  });

  it('begin anew after a change', () => {
    const detector = new ChangeDetector({ slack: 0.5, limit: 2 });
    expect(detector.push(4)).toMatchObject({ direction: 'UP' });
    expect(detector.push(1)).toBeUndefined();
  });
});

describe('an anomaly', () => {
  const random = createRandom(9);
  const usual = () => 0.5 + 0.02 * (noise(1, random)[0] ?? 0);

  function learn(): AnomalyDetector {
    const detector = new AnomalyDetector();
    for (let i = 0; i < 40; i += 1) detector.push(usual());
    return detector;
  }

  it('is not seen in what goes on as usual', () => {
    const detector = new AnomalyDetector();
    const found = Array.from({ length: 2_000 }, () => detector.push(usual())).filter(Boolean);
    expect(found.length).toBeLessThanOrEqual(4);
  });

  it('is a single value that stands out', () => {
    const detector = learn();
    expect(detector.push(0.9)).toMatchObject({ kind: 'OUTLIER', direction: 'UP', value: 0.9 });
    expect(detector.push(usual())).toBeUndefined();
  });

  it('is a level that has shifted, told once and then learnt', () => {
    const detector = learn();
    const kinds = Array.from({ length: 60 }, () => detector.push(usual() - 0.08)?.kind);
    expect(kinds.filter((kind) => kind === 'CHANGE_POINT')).toHaveLength(1);
    expect(kinds.slice(10).filter((kind) => kind !== undefined)).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { measurePhaseSynchrony } from '../../../../subgraphs/consciousness/metrics/phase-synchrony.js';
import { computeStability } from '../../../../subgraphs/consciousness/metrics/stability.js';
import { createRandom, wave } from '../support/waves.js';

const LENGTH = 200;

const toPhasors = (phases: Float64Array) => ({ cosines: phases.map(Math.cos), sines: phases.map(Math.sin) });

/** Of phases by their formulas, at t = 0, 1, 2 … */
function measure(...formulas: ((t: number) => number)[]) {
  const phases = formulas.map((formula) => toPhasors(wave(LENGTH, formula)));
  return measurePhaseSynchrony(phases, { from: 0, to: LENGTH });
}

const meanOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('phases that are given', () => {
  it('have order 1 and locking 1 when they are in phase', () => {
    const { orders, pairs } = measure(
      (t) => t / 5,
      (t) => t / 5,
      (t) => t / 5,
    );
    expect(meanOf(orders)).toBeCloseTo(1, 12);
    expect(pairs.map(({ a, b }) => [a, b])).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    for (const { locking } of pairs) expect(locking).toBeCloseTo(1, 12);
    expect(computeStability(orders)).toBeCloseTo(1, 6);
  });

  it('have order 0 and still locking 1 when they are in opposite phase', () => {
    const { orders, pairs } = measure(
      (t) => t / 5,
      (t) => t / 5 + Math.PI,
    );
    expect(meanOf(orders)).toBeLessThan(1e-12);
    expect(pairs[0]?.locking).toBeCloseTo(1, 12);
    expect(computeStability(orders)).toBeCloseTo(1, 12);
  });

  it('have order |cos(φ/2)| for two at a constant difference φ', () => {
    for (const lag of [0.4, 1, 2, 3])
      expect(
        meanOf(
          measure(
            (t) => t / 7,
            (t) => t / 7 + lag,
          ).orders,
        ),
      ).toBeCloseTo(Math.cos(lag / 2), 12);
  });

  it('have an order that beats, with mean 2/π and deviation √(½ − 4/π²), and no locking at different frequencies', () => {
    // R = |cos(δ/2)| while the difference δ goes round ten times.
    const { orders, pairs } = measure(
      () => 0,
      (t) => (2 * Math.PI * 10 * (t + 0.5)) / LENGTH,
    );
    expect(meanOf(orders)).toBeCloseTo(2 / Math.PI, 2);
    expect(pairs[0]?.locking).toBeLessThan(1e-12);
    expect(computeStability(orders)).toBeCloseTo(1 - 2 * Math.sqrt(1 / 2 - 4 / Math.PI ** 2), 2);
  });

  it('come to √(π/4N) when they are random', () => {
    const random = createRandom(4);
    const formulas = Array.from({ length: 13 }, () => () => 2 * Math.PI * random());
    expect(Math.abs(meanOf(measure(...formulas).orders) - Math.sqrt(Math.PI / 52))).toBeLessThan(0.02);
  });
});

describe('instants without a phase', () => {
  it('count for nothing', () => {
    const still = { cosines: new Float64Array(4), sines: new Float64Array(4) };
    const moving = toPhasors(Float64Array.of(0, 1, 2, 3));
    const { orders, pairs } = measurePhaseSynchrony([moving, still, moving], { from: 1, to: 4 });
    expect([...orders]).toEqual([expect.closeTo(1), expect.closeTo(1), expect.closeTo(1)]);
    expect(pairs.map(({ locking }) => locking)).toEqual([null, expect.closeTo(1), null]);
  });
});

describe('stability', () => {
  it('is 1 for an order that does not change, and 0 for one that jumps between none and full', () => {
    expect(computeStability(Float64Array.of(0.4, 0.4, 0.4))).toBeCloseTo(1, 12);
    expect(computeStability(Float64Array.of(0, 1, 0, 1))).toBe(0);
  });
});

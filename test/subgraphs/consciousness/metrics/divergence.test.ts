import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  computeDivergence,
  distributeStates,
} from '../../../../subgraphs/consciousness/metrics/divergence.js';
import { computeLevel } from '../../../../subgraphs/consciousness/metrics/level.js';

/** One member in each bin. */
const disjoint = (count: number) =>
  Array.from({ length: count }, (_, member) =>
    Float64Array.from({ length: count }, (_none, bin) => +(bin === member)),
  );

describe('divergence', () => {
  it('is 0 for identical distributions', () => {
    const one = Float64Array.of(0.1, 0.2, 0.3, 0.4);
    // The root of what rounding leaves of 0.
    expect(computeDivergence([one, one, one])).toBeLessThan(1e-7);
  });

  it.each([
    [2, 0.558],
    [13, 0.894],
  ])('comes to its closed form for %d that share no state: %d', (count, rounded) => {
    const expected = Math.sqrt(
      Math.log2((2 * count) / (count + 1)) / 2 + (Math.log2(2 / (count + 1)) + count - 1) / (2 * count),
    );
    expect(computeDivergence(disjoint(count))).toBeCloseTo(expected, 12);
    expect(expected).toBeCloseTo(rounded, 3);
  });

  it('is within 0 and 1, and does not depend on the order of members and bins', () => {
    const weights = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 });
    const distribution = weights
      .filter((values) => values.some((value) => value > 1e-6))
      .map((values) => {
        const sum = values.reduce((total, value) => total + value, 0);
        return Float64Array.from(values, (value) => value / sum);
      });
    fc.assert(
      fc.property(fc.array(distribution, { minLength: 1, maxLength: 6 }), (members) => {
        const value = computeDivergence(members);
        expect(value >= 0 && value < 1).toBe(true);
        const turned = members.toReversed().map((one) => one.toReversed());
        expect(computeDivergence(turned)).toBeCloseTo(value, 7);
      }),
    );
  });
});

describe('states', () => {
  it('are shares of bins of half a standard deviation, the outermost ones open', () => {
    const shares = distributeStates(Float64Array.of(-99, -3, -0.01, 0, 0.49, 0.5, 2.99, 99));
    expect([...shares]).toEqual(
      [2, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 2].map((count) => expect.closeTo(count / 8)),
    );
  });
});

describe('the level', () => {
  const full = { phi: 1, coherence: 1, stability: 1, divergence: 0 };

  it('is the geometric mean of its terms, with Φ₀ and its version', () => {
    expect(computeLevel(full)).toEqual({
      value: expect.closeTo((1 - Math.exp(-1)) ** (1 / 4), 12),
      levelVersion: 1,
      phi0: 1,
    });
    const { value } = computeLevel({ phi: 0.5, coherence: 0.6, stability: 0.7, divergence: 0.2 });
    expect(value).toBeCloseTo(((1 - Math.exp(-0.5)) * 0.6 * 0.7 * 0.8) ** 0.25, 12);
  });

  it.each([{ phi: 0 }, { phi: -0.3 }, { coherence: 0 }, { stability: 0 }, { divergence: 1 }])(
    'is 0 as soon as one of them is: %j',
    (term) => {
      expect(computeLevel({ ...full, ...term }).value).toBe(0);
    },
  );
});

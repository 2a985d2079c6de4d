import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFourierTransform } from '../../../../subgraphs/consciousness/coherence/fourier-transform.js';

interface Spectrum {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

function transform(real: readonly number[], imaginary: readonly number[]): Spectrum {
  const result = { real: Float64Array.from(real), imaginary: Float64Array.from(imaginary) };
  createFourierTransform(real.length).transform(result.real, result.imaginary);
  return result;
}

/** The definition, term by term. */
function transformByDefinition(real: readonly number[], imaginary: readonly number[]): Spectrum {
  const { length } = real;
  const sum = (k: number, part: (c: number, s: number, n: number) => number) =>
    real.reduce((total, _, n) => {
      const angle = (-2 * Math.PI * ((k * n) % length)) / length;
      return total + part(Math.cos(angle), Math.sin(angle), n);
    }, 0);
  return {
    real: Float64Array.from(real, (_, k) =>
      sum(k, (c, s, n) => (real[n] ?? 0) * c - (imaginary[n] ?? 0) * s),
    ),
    imaginary: Float64Array.from(real, (_, k) =>
      sum(k, (c, s, n) => (real[n] ?? 0) * s + (imaginary[n] ?? 0) * c),
    ),
  };
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? NaN))), 0);
}

const values = (length: number) =>
  fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: length, maxLength: length });
const signal = fc.integer({ min: 1, max: 130 }).chain((length) => fc.tuple(values(length), values(length)));

describe('the Fourier transform', () => {
  it('agrees with its definition at every length', () => {
    fc.assert(
      fc.property(signal, ([real, imaginary]) => {
        const fast = transform(real, imaginary);
        const slow = transformByDefinition(real, imaginary);
        expect(largestDifference(fast.real, slow.real)).toBeLessThan(1e-10);
        expect(largestDifference(fast.imaginary, slow.imaginary)).toBeLessThan(1e-10);
      }),
    );
  });

  it('undoes itself with its two parts swapped', () => {
    fc.assert(
      fc.property(signal, ([real, imaginary]) => {
        const { length } = real;
        const there = transform(real, imaginary);
        const back = transform([...there.imaginary], [...there.real]);
        const original = Float64Array.from(real);
        expect(
          largestDifference(
            back.imaginary.map((value) => value / length),
            original,
          ),
        ).toBeLessThan(1e-12);
      }),
    );
  });

  it('stays exact at the longest window, and just beside a power of two', () => {
    for (const length of [4093, 4095, 4096]) {
      const frequency = 37;
      const { real } = transform(
        Array.from({ length }, (_, n) => Math.cos((2 * Math.PI * frequency * n) / length)),
        Array.from({ length }, () => 0),
      );
      expect(real[frequency]).toBeCloseTo(length / 2, 8);
      expect(real.reduce((sum, value) => sum + Math.abs(value), 0)).toBeCloseTo(length, 6);
    }
  });

  it('can be used again and again', () => {
    const fourier = createFourierTransform(12);
    const results = [1, 2].map(() => {
      const real = Float64Array.from({ length: 12 }, (_, n) => Math.sin(n));
      fourier.transform(real, new Float64Array(12));
      return real;
    });
    expect(results[1]).toEqual(results[0]);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createFourierTransform } from '../../../../subgraphs/consciousness/coherence/fourier-transform.js';
import { createPhaseShuffler } from '../../../../subgraphs/consciousness/metrics/phase-shuffle.js';
import { createRandom, noise, wave } from '../support/waves.js';

function powers(values: Float64Array): number[] {
  const [real, imaginary] = [Float64Array.from(values), new Float64Array(values.length)];
  createFourierTransform(values.length).transform(real, imaginary);
  return [...real].map((re, k) => Math.hypot(re, imaginary[k] ?? 0));
}

describe('a phase-shuffled surrogate', () => {
  it('has the power of its signal at each frequency, for any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 90 }), fc.integer(), (length, seed) => {
        const random = createRandom(seed);
        const signal = noise(length, random).map((value) => value + 3);
        const expected = powers(signal);
        const surrogate = createPhaseShuffler(signal).shuffle(random);
        for (const [k, power] of powers(surrogate).entries())
          expect(power).toBeCloseTo(expected[k] ?? NaN, 8);
      }),
    );
  });

  it('of a sine is the same sine at another phase', () => {
    const sine = wave(64, (t) => Math.sin((2 * Math.PI * 4 * t) / 64));
    const surrogate = createPhaseShuffler(sine).shuffle(() => 0.25);
    // A quarter of a turn: e^{iπ/2} at the frequency of the sine is −sin.
    for (const [t, value] of surrogate.entries()) expect(value).toBeCloseTo(-(sine[t] ?? NaN), 10);
  });

  it('is another one at each draw, and the same one from the same seed', () => {
    const shuffler = createPhaseShuffler(noise(32, createRandom(1)));
    const [random, again] = [createRandom(2), createRandom(2)];
    const first = shuffler.shuffle(random);
    expect(shuffler.shuffle(again)).toEqual(first);
    expect(shuffler.shuffle(random)).not.toEqual(first);
  });
});

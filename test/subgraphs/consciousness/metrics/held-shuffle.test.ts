import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  createHeldShuffler,
  findArrivals,
} from '../../../../subgraphs/consciousness/metrics/held-shuffle.js';
import { estimatePhi } from '../../../../subgraphs/consciousness/metrics/phi-estimate.js';
import { standardise } from '../../../../subgraphs/consciousness/metrics/standardise.js';
import { buildMatrix, chain, simulate } from '../support/autoregression.js';
import { createRandom, noise, wave } from '../support/waves.js';

const LENGTH = 256;

/** A signal whose every value is held for so many ticks, the first one for a few less. */
const hold = (values: Float64Array, ticks: number, offset = 0) =>
  wave(LENGTH, (t) => values[Math.floor((t + offset) / ticks)] ?? 0);

function estimate(sampled: readonly Float64Array[], seed = 7, method?: 'MISMATCHED_DECODING') {
  const signals = sampled.flatMap((signal) => standardise(signal) ?? []);
  return estimatePhi(signals, { lag: 1, surrogates: 19, seed, sampled, ...(method && { method }) });
}

const arrivalsOf = (values: Float64Array) => [...findArrivals(values)];

describe('a surrogate of a signal that is held', () => {
  it('changes in the same ticks, wherever they are', () => {
    const ticks = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 4, maxLength: 60 });
    fc.assert(
      fc.property(ticks, fc.integer(), (places, seed) => {
        const random = createRandom(seed);
        const starts = new Set(places);
        let value = random();
        const signal = wave(100, (t) => (starts.has(t) ? (value = noise(1, random)[0] ?? 0) : value));
        const surrogate = createHeldShuffler(signal)?.shuffle(random) ?? new Float64Array(0);
        // Standardised: between two arrivals it falls or rises by its straight line, and by nothing else.
        const steps = [...surrogate.slice(1)].map((next, t) => next - (surrogate[t] ?? 0));
        const slope = steps.find((_step, t) => !starts.has(t + 1)) ?? 0;
        for (const [t, step] of steps.entries()) if (!starts.has(t + 1)) expect(step).toBeCloseTo(slope, 9);
        expect(arrivalsOf(signal)).toEqual([0, ...places].toSorted((a, b) => a - b));
      }),
      { numRuns: 40 },
    );
  });

  it('has mean 0, variance 1, and values that come after each other as those of the signal do', () => {
    const random = createRandom(3);
    const slow = simulate([[0.9]], 64, random)[0] ?? new Float64Array(0);
    const signal = wave(256, (t) => slow[t >> 2] ?? 0);
    const shuffler = createHeldShuffler(signal);
    const memoryOf = (values: Float64Array) => {
      const told = standardise(values.filter((_value, t) => t % 4 === 0)) ?? values;
      return told.reduce((sum, value, t) => sum + value * (told[t + 1] ?? 0), 0) / told.length;
    };
    const found = Array.from({ length: 50 }, () => shuffler?.shuffle(random) ?? new Float64Array(0));
    for (const surrogate of found) {
      expect(surrogate.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 8);
      expect(surrogate.reduce((sum, value) => sum + value * value, 0) / 256).toBeCloseTo(1, 8);
    }
    const mean = found.reduce((sum, surrogate) => sum + memoryOf(surrogate), 0) / found.length;
    expect(Math.abs(mean - memoryOf(signal))).toBeLessThan(0.1);
  });

  it('rises by the same stairs', () => {
    const random = createRandom(4);
    const stairs = wave(LENGTH, (t) => 1e9 + Math.floor(t / 8));
    const surrogate = createHeldShuffler(stairs)?.shuffle(random);
    const expected = standardise(stairs);
    for (const [t, value] of (surrogate ?? []).entries()) expect(value).toBeCloseTo(expected?.[t] ?? NaN, 4);
  });

  it('is not made of one none of whose values is held', () => {
    expect(createHeldShuffler(noise(64, createRandom(1)))).toBeUndefined();
  });
});

describe('independent signals that are held by one clock', () => {
  const held = (ticks: number) => (random: () => number) =>
    Array.from({ length: 8 }, () => hold(noise(LENGTH, random), ticks));
  const own = (share: number) => buildMatrix(6, (row, column) => (row === column ? share : 0));

  it.each([
    ['2 ticks', held(2)],
    ['5 ticks', held(5)],
    ['10 ticks', held(10)],
    [
      '10 ticks, beside one that is not held',
      (random: () => number) => [...held(10)(random).slice(1), noise(LENGTH, random)],
    ],
    [
      '10 ticks, beside seven that are not held',
      (random: () => number) => [
        ...Array.from({ length: 7 }, () => noise(LENGTH, random)),
        hold(noise(LENGTH, random), 10),
      ],
    ],
    [
      '10 ticks, each by its own clock',
      (random: () => number) =>
        Array.from({ length: 8 }, () => hold(noise(LENGTH, random), 10, Math.floor(10 * random()))),
    ],
    [
      '5 ticks, with long memory',
      (random: () => number) => simulate(own(0.9), LENGTH, random).map((signal) => hold(signal, 5)),
    ],
  ])('for %s are within the band, but for the 5 % that the test allows', (_name, make) => {
    const found = Array.from({ length: 20 }, (_, draw) => draw).filter(
      (draw) => estimate(make(createRandom(1_000 * draw + 7)), draw).significant,
    );
    // Of 20 at 5 %, more than 3 come once in sixty times.
    expect(found.length).toBeLessThanOrEqual(3);
  });
});

describe('held signals that act on each other', () => {
  it.each([2, 5])('are above the band when held for %d ticks', (ticks) => {
    for (const seed of [1, 2, 3]) {
      const network = simulate(chain(4, 0.8, true), LENGTH, createRandom(seed));
      expect(estimate(network.map((signal) => hold(signal, ticks))).significant).toBe(true);
    }
  });

  it('are so when held for ten ticks, most of the time: 26 values tell less', () => {
    const found = Array.from({ length: 20 }, (_, draw) => draw + 1).filter((seed) => {
      const network = simulate(chain(4, 0.8, true), LENGTH, createRandom(seed));
      return estimate(network.map((signal) => hold(signal, 10))).significant;
    });
    expect(found.length).toBeGreaterThanOrEqual(12);
  });
});

describe('no integration', () => {
  it('is never significant, even where surrogates have less', () => {
    const copies = Array.from({ length: 3 }, (_, copy) => {
      const [common, own] = [simulate([[0.9]], LENGTH, createRandom(1)), noise(LENGTH, createRandom(copy))];
      return wave(LENGTH, (t) => (common[0]?.[t] ?? 0) + 0.3 * (own[t] ?? 0));
    });
    const { bits } = estimate(copies);
    expect(bits).toBeLessThan(0);
    const below = estimatePhi(
      copies.flatMap((signal) => standardise(signal) ?? []),
      { ...{ lag: 1, surrogates: 19, seed: 1, renew: 0 }, earlier: Array.from({ length: 19 }, () => -9) },
    );
    expect(below.surrogate95).toBe(-9);
    expect(below.significant).toBe(false);
  });

  it('of signals that cannot be shuffled is not significant by either method', () => {
    const steps = [0, 1, 2].map((shift) => wave(LENGTH, (t) => +(t > 100 + 7 * shift)));
    for (const method of [undefined, 'MISMATCHED_DECODING'] as const)
      expect(estimate(steps, 1, method).significant).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { estimatePhi } from '../../../../subgraphs/consciousness/metrics/phi-estimate.js';
import { standardise } from '../../../../subgraphs/consciousness/metrics/standardise.js';
import { buildMatrix, chain, covarianceOf, simulate } from '../support/autoregression.js';
import { createRandom, noise, wave } from '../support/waves.js';
import { computeIntegratedInformation } from '../../../../subgraphs/consciousness/metrics/integrated-information.js';

const OPTIONS = { lag: 1, surrogates: 19, seed: 7 };

function estimate(signals: readonly Float64Array[], options: Partial<typeof OPTIONS> = {}) {
  return estimatePhi(
    signals.flatMap((signal) => standardise(signal) ?? []),
    { ...OPTIONS, ...options },
  );
}

const seeds = (count: number) => Array.from({ length: count }, (_, place) => place + 1);

describe('signals without any relation', () => {
  it('are within the band of their surrogates, but for the 5 % that the test allows', () => {
    const found = seeds(40).filter((seed) => {
      const random = createRandom(seed);
      const signals = Array.from({ length: 5 }, () => noise(256, random));
      return estimate(signals).significant;
    });
    // Of 40 at 5 %, more than 6 come once in a hundred times.
    expect(found.length).toBeLessThanOrEqual(6);
  });

  it('are so with much entropy and long memory as well: complexity is not integration', () => {
    const found = seeds(20).filter((seed) => {
      const coupling = buildMatrix(5, (row, column) => (row === column ? 0.5 + 0.1 * row : 0));
      return estimate(simulate(coupling, 256, createRandom(100 + seed))).significant;
    });
    expect(found.length).toBeLessThanOrEqual(4);
  });
});

describe('signals that act on each other', () => {
  it('are above the band', () => {
    const coupling = chain(5, 0.8, true);
    for (const seed of seeds(5)) {
      const { bits, surrogate95, significant } = estimate(simulate(coupling, 256, createRandom(seed)));
      expect(bits).toBeGreaterThan(surrogate95);
      expect(significant).toBe(true);
    }
  });

  it('are estimated the better the longer the window', () => {
    const coupling = chain(4, 0.8, true);
    const { bits: exact } = computeIntegratedInformation(covarianceOf({ coupling }));
    const { bits } = estimate(simulate(coupling, 8_192, createRandom(5)));
    expect(Math.abs(bits - exact)).toBeLessThan(0.08 * exact);
  });

  it('integrate more in a loop than in a chain', () => {
    const bits = (isLoop: boolean) => estimate(simulate(chain(6, 0.8, isLoop), 2_048, createRandom(9))).bits;
    expect(bits(true)).toBeGreaterThan(bits(false));
  });

  it('are looked at over the lag that is asked for', () => {
    const random = createRandom(11);
    const source = noise(600, random);
    const late = noise(600, random).map((value, t) => value + 2 * (source[t - 3] ?? 0));
    expect(estimate([source, late], { lag: 3 })).toMatchObject({ lag: 3, significant: true });
    expect(estimate([source, late], { lag: 3 }).bits).toBeGreaterThan(1);
    expect(estimate([source, late], { lag: 1 }).bits).toBeLessThan(0.1);
  });
});

describe('a singular covariance', () => {
  it.each([
    ['two equal signals', 256, (random: () => number) => twins(noise(256, random))],
    [
      'sines of one frequency',
      256,
      () => [0, 1, 2].map((phase) => wave(256, (t) => Math.sin(0.3 * t + phase))),
    ],
    ['fewer instants than variables', 12, (random: () => number) => seeds(8).map(() => noise(12, random))],
  ])('of %s is shrunk, and told so', (_name, samples, make) => {
    const result = estimate(make(createRandom(1)));
    expect(result.shrinkage).toBeGreaterThan(0);
    expect(result.shrinkage).toBeLessThanOrEqual(1);
    expect(Number.isFinite(result.bits) && Number.isFinite(result.surrogate95)).toBe(true);
    expect(result.samples).toBe(samples);
  });

  it('is the only one that is', () => {
    const random = createRandom(2);
    expect(
      estimate(
        seeds(13).map(() => noise(256, random)),
        { surrogates: 19 },
      ).shrinkage,
    ).toBe(0);
  });
});

it('does not call fewer than 19 surrogates a test', () => {
  const random = createRandom(1);
  expect(() => estimate([noise(64, random), noise(64, random)], { surrogates: 18 })).toThrow(RangeError);
});

describe('for any signals', () => {
  const network = fc.tuple(fc.integer({ min: 2, max: 5 }), fc.integer()).map(([count, seed]) => {
    const random = createRandom(seed);
    const coupling = buildMatrix(count, () => (1.6 * (random() - 0.5)) / count);
    return simulate(coupling, 80, random);
  });

  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(network, fc.nat(), (signals, seed) => {
        expect(estimate(signals, { seed })).toEqual(estimate(signals, { seed }));
      }),
      { numRuns: 15 },
    );
  });

  it('does not depend on the order of the nodes', () => {
    fc.assert(
      fc.property(network, (signals) => {
        const forwards = estimate(signals).bits;
        expect(estimate(signals.toReversed()).bits).toBeCloseTo(forwards, 8);
      }),
      { numRuns: 30 },
    );
  });

  it('does not depend on units: offset, size, sign and a straight line', () => {
    const factor = fc.constantFrom(-1e9, -1, 1e-6, 3.7, 1e12);
    fc.assert(
      fc.property(network, factor, (signals, scale) => {
        const other = signals.map((signal, i) =>
          i === 0 ? signal.map((value, t) => scale * (value + 5 + 0.03 * t)) : signal,
        );
        const [plain, scaled] = [estimate(signals), estimate(other)];
        expect(scaled.bits).toBeCloseTo(plain.bits, 6);
        expect(scaled.partition).toEqual(plain.partition);
      }),
      { numRuns: 30 },
    );
  });
});

function twins(signal: Float64Array): Float64Array[] {
  return [signal, signal.map((value) => 3 * value + 1)];
}

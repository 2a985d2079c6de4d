import { describe, expect, it } from '@jest/globals';
import { measureWindow } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import { buildMatrix, chain, simulate } from '../support/autoregression.js';
import { createRandom, noise, wave } from '../support/waves.js';

const OPTIONS = { lag: 1, surrogates: 19, seed: 1 };

/** Signals of their own, each a share of its own past. */
const scaled = (count: number, share: number) =>
  buildMatrix(count, (row, column) => (row === column ? share : 0));

const sine = (phase = 0) => wave(256, (t) => Math.sin((2 * Math.PI * 10 * t) / 256 + phase));

describe('a window', () => {
  it('of oscillators in phase is coherent, steady and of one distribution', () => {
    const result = measureWindow([sine(), sine(), sine()], OPTIONS);
    expect(result.coherence).toBeCloseTo(1, 2);
    expect(result.stability).toBeCloseTo(1, 2);
    expect(result.divergence).toBeCloseTo(0, 6);
    expect(result.missing).toEqual([]);
    // Three times the same is no integration, however coherent it is.
    expect(result.phi?.bits).toBeLessThan(0);
    expect(result.level?.value).toBe(0);
  });

  it('of oscillators in opposite phase is incoherent, and each pair locked', () => {
    const { coherence, pairs } = measureWindow([sine(), sine(Math.PI)], OPTIONS);
    expect(coherence).toBeLessThan(0.01);
    expect(pairs).toEqual([{ a: 0, b: 1, locking: expect.closeTo(1, 2) }]);
  });

  it('of a network whose nodes act on each other has a level above 0, made of its terms', () => {
    const { phi, coherence, stability, divergence, level } = measureWindow(
      simulate(chain(13, 0.8, true), 256, createRandom(1)),
      OPTIONS,
    );
    expect(phi?.significant).toBe(true);
    const product =
      (1 - Math.exp(-(phi?.bits ?? NaN))) *
      (coherence ?? NaN) *
      (stability ?? NaN) *
      (1 - (divergence ?? NaN));
    expect(level?.value).toBeCloseTo(product ** 0.25, 12);
  });

  it('leaves signals that do not move out, and names the others by their places', () => {
    const random = createRandom(2);
    const still = wave(256, () => 4.2);
    const { moving, phi, pairs } = measureWindow(
      [still, noise(256, random), still, noise(256, random), noise(256, random)],
      OPTIONS,
    );
    expect(moving).toEqual([1, 3, 4]);
    expect(phi?.partition.flat().toSorted()).toEqual([1, 3, 4]);
    expect(pairs.map(({ a, b }) => [a, b])).toEqual([
      [1, 3],
      [1, 4],
      [3, 4],
    ]);
  });

  it('with fewer than two signals that move has none of the numbers, and says why', () => {
    const result = measureWindow([sine(), wave(256, () => 1)], OPTIONS);
    expect(result).toMatchObject({ phi: null, coherence: null, divergence: null, level: null, moving: [0] });
    expect(result.missing).toHaveLength(5);
    expect(result.missing[0]).toMatchObject({ metric: 'PHI', code: 'TOO_FEW_SIGNALS' });
  });

  it('with more than 16 is cut by a spectral bisection, and says so', () => {
    const random = createRandom(3);
    const result = measureWindow(
      Array.from({ length: 17 }, () => noise(128, random)),
      OPTIONS,
    );
    expect(result.missing).toEqual([]);
    expect(result.phi).toMatchObject({ search: 'SPECTRAL_BISECTION', exact: false });
  });

  it('with more than 64 has all but what needs its bipartitions', () => {
    const random = createRandom(3);
    const result = measureWindow(
      Array.from({ length: 65 }, () => noise(64, random)),
      OPTIONS,
    );
    expect(result.missing.map(({ metric, code }) => [metric, code])).toEqual([
      ['PHI', 'TOO_MANY_SIGNALS'],
      ['LEVEL', 'TOO_MANY_SIGNALS'],
    ]);
    expect(result).toMatchObject({ phi: null, level: null, coherence: expect.any(Number) });
  });

  it('tells of each signal what it adds, how it keeps to the others, and its level', () => {
    const random = createRandom(4);
    const loner = noise(512, random);
    const group = simulate(chain(4, 0.8, true), 512, random);
    const { nodes } = measureWindow([wave(512, () => 1), loner, ...group], OPTIONS);
    expect(nodes.map(({ place }) => place)).toEqual([1, 2, 3, 4, 5]);
    const [first, ...others] = nodes.map(({ phi }) => phi ?? NaN);
    for (const phi of others) expect(phi).toBeGreaterThan(3 * Math.abs(first ?? NaN));
    for (const { coherence, stability, divergence, level } of nodes) {
      for (const value of [coherence, stability, divergence, level]) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }
    }
  });

  it.each([
    ['nodes that act on each other', () => simulate(chain(6, 0.8, true), 256, createRandom(1)), true],
    ['white noise', () => simulate(chain(6, 0, true), 256, createRandom(1)), false],
    ['independent signals with long memory', () => simulate(scaled(6, 0.9), 256, createRandom(4)), false],
  ])('says of the level of %s whether it means anything', (_name, make, significant) => {
    const { level, phi } = measureWindow(make(), { ...OPTIONS, surrogates: 99 });
    expect(phi?.significant).toBe(significant);
    expect(level).toMatchObject({ significant, levelVersion: 1 });
  });

  it('of white noise of 13 signals has a level near a half, which is why that is marked as meaning little', () => {
    const random = createRandom(1);
    const signals = Array.from({ length: 13 }, () => noise(256, random));
    const { level } = measureWindow(signals, OPTIONS);
    expect(level?.significant).toBe(false);
    expect(level?.value).toBeGreaterThan(0.35);
    expect(level?.value).toBeLessThan(0.65);
  });

  it.each([
    [
      'copies of one noise',
      (): Float64Array[] => Array.from({ length: 4 }, () => noise(256, createRandom(3))),
    ],
    ['oscillators that are locked', () => [0, 0.4, 0.8, 1.2].map((phase) => sine(phase))],
  ])('gives %s, which repeat each other, the level 0', (_name, make) => {
    expect(measureWindow(make(), OPTIONS).level).toMatchObject({ value: 0, significant: false });
  });

  it('is compared with no surrogates of another length, shrinkage or number of signals', () => {
    const signals = simulate(chain(4, 0.8, true), 256, createRandom(1));
    const first = measureWindow(signals, OPTIONS).phi;
    const later = (changes: Partial<NonNullable<typeof first>['basis']>) =>
      measureWindow(signals, {
        ...{ ...OPTIONS, earlier: first?.references ?? [], renew: 2 },
        earlierBasis: first ? { ...first.basis, ...changes } : undefined,
      }).phi;
    expect(first?.basis).toEqual({ signals: 4, samples: 256, shrinkage: 0, normalisation: 'ENTROPY' });
    expect(later({ samples: 250 })?.renewed).toBe(2);
    for (const other of [
      { samples: 128 },
      { shrinkage: 0.2 },
      { signals: 5 },
      { normalisation: 'MAXIMUM_ENTROPY' as const },
    ]) {
      expect(later(other)).toMatchObject({ renewed: 19, basis: first?.basis });
    }
  });

  it('goes on with the surrogates of the windows before, and renews some of them', () => {
    const signals = simulate(chain(4, 0.8, true), 256, createRandom(1));
    const first = measureWindow(signals, OPTIONS).phi;
    const earlier = first?.references ?? [];
    const second = measureWindow(signals, { ...OPTIONS, seed: 2, earlier, renew: 2 }).phi;
    expect(earlier).toHaveLength(19);
    expect(second?.renewed).toBe(2);
    expect(second?.references.slice(0, 17)).toEqual(earlier.slice(2));
  });
});

describe('the divergence of a window', () => {
  /** In any order: how often a state is taken counts, not when. */
  const order = (t: number) => (t * 1_597) % 4_096;
  /** Normal quantiles by a table's closed form (Abramowitz and Stegun, 26.2.23). */
  const normal = wave(4_096, (t) => {
    const share = (order(t) + 0.5) / 4_096;
    const tail = Math.sqrt(-2 * Math.log(Math.min(share, 1 - share)));
    const above = 2.515517 + 0.802853 * tail + 0.010328 * tail ** 2;
    const below = 1 + 1.432788 * tail + 0.189269 * tail ** 2 + 0.001308 * tail ** 3;
    return Math.sign(share - 0.5) * (tail - above / below);
  });
  const twoValued = wave(4_096, (t) => +(t % 4 === 1));
  const divergenceOf = (signals: readonly Float64Array[]) =>
    measureWindow(signals, { ...OPTIONS, renew: 0, earlier: Array.from({ length: 19 }, () => 0) });

  it('is 0 for signals of one shape, on whatever level and scale they are', () => {
    const shapes = [0, 100, 200].map((level, i) => normal.map((value) => level + 10 ** i * value));
    const { divergence, nodes } = divergenceOf(shapes);
    expect(divergence).toBeLessThan(1e-6);
    for (const node of nodes) expect(node.divergence).toBeLessThan(1e-6);
  });

  it('of a normal signal and one that is high a quarter of the time is 0.4225, each by its own part', () => {
    // By the entropies of the normal shares of 12 bins and of ¾ and ¼, H((P + M) / 2) − (H(P) + H(M)) / 2, computed apart.
    const { divergence, nodes } = divergenceOf([normal, twoValued.map((value) => 3 * value - 7)]);
    expect(divergence).toBeCloseTo(0.4225, 2);
    expect(nodes[0]?.divergence).toBeCloseTo(0.3566, 2);
    expect(nodes[1]?.divergence).toBeCloseTo(0.4885, 2);
  });
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  measureNetworkCoherence,
  type NetworkCoherence,
} from '../../../../subgraphs/consciousness/coherence/network-coherence.js';
import { angleBetween, createRandom, noise, wave } from '../support/waves.js';

const LENGTH = 512;
/** Sixteen samples a period, and not a whole number of periods. */
const OMEGA = (2 * Math.PI * 32.4) / LENGTH;

const measure = (windows: readonly Float64Array[]): NetworkCoherence =>
  measureNetworkCoherence(windows, { minimumSamples: 16 });
const sinusoid = (lag = 0, amplitude = 1) => wave(LENGTH, (t) => amplitude * Math.sin(OMEGA * t - lag));
const nodeCoherences = ({ signals }: NetworkCoherence) => signals.map(({ coherence }) => coherence);
const phases = ({ signals }: NetworkCoherence) => signals.map(({ phase }) => phase);

describe('known answers', () => {
  it('is 1 for identical sinusoids, for the network and for every node', () => {
    const result = measure(Array.from({ length: 13 }, () => sinusoid()));
    expect(result.coherence).toBeCloseTo(1, 12);
    for (const coherence of nodeCoherences(result)) expect(coherence).toBeCloseTo(1, 12);
  });

  it('is 0 for two equal groups in opposite phase, whose nodes have no field to keep to', () => {
    const result = measure([1, -1, 1, -1, 1, -1].map((sign) => sinusoid(0, sign)));
    expect(result.coherence).toBeLessThan(1e-12);
    expect(nodeCoherences(result)).toEqual([null, null, null, null, null, null]);
    expect(phases(result).every((phase) => phase !== null)).toBe(true);
  });

  it('is 0 for phases spread evenly over the circle', () => {
    for (const count of [3, 5, 13]) {
      const result = measure(Array.from({ length: count }, (_, j) => sinusoid((2 * Math.PI * j) / count)));
      expect(result.coherence).toBeLessThan(0.01);
    }
  });

  it('is |cos(φ/2)| for two oscillators at a constant lag φ, each of them locked to the field', () => {
    for (const lag of [0.3, 1, Math.PI / 2, 2, 3]) {
      const result = measure([sinusoid(), sinusoid(lag)]);
      expect(Math.abs((result.coherence ?? NaN) - Math.abs(Math.cos(lag / 2)))).toBeLessThan(0.01);
      for (const coherence of nodeCoherences(result)) expect(coherence).toBeGreaterThan(0.99);
    }
  });

  it('comes to √(π/4N) for independent noise, the mean length of a sum of N random phases', () => {
    const count = 13;
    const runs = Array.from({ length: 20 }, (_, seed) => {
      const random = createRandom(seed + 1);
      return measure(Array.from({ length: count }, () => noise(LENGTH, random))).coherence ?? NaN;
    });
    const mean = runs.reduce((sum, value) => sum + value, 0) / runs.length;
    expect(Math.abs(mean - Math.sqrt(Math.PI / (4 * count)))).toBeLessThan(0.01);
  });

  it('tells the one that drifts from those that are locked', () => {
    const drifting = wave(LENGTH, (t) => Math.sin(1.37 * OMEGA * t));
    const [locked, , , drifter] = nodeCoherences(measure([sinusoid(), sinusoid(), sinusoid(), drifting]));
    expect(locked).toBeGreaterThan(0.9);
    expect(drifter).toBeLessThan(0.3);
  });

  it('tells the phase an eighth of the window ago', () => {
    const at = LENGTH - 1 - LENGTH / 8;
    const [first, second] = phases(measure([sinusoid(), sinusoid(1)]));
    // A sine is a cosine a quarter period late.
    expect(angleBetween(first ?? NaN, OMEGA * at - Math.PI / 2)).toBeCloseTo(0, 1);
    expect(angleBetween(first ?? NaN, second ?? NaN)).toBeCloseTo(1, 1);
  });
});

describe('what has no phase', () => {
  it.each([
    ['a constant', wave(64, () => 21.3)],
    ['zero', wave(64, () => 0)],
    ['a straight line', wave(64, (t) => 1e9 + 0.1 * t)],
    ['a large constant with a last digit that wavers', wave(64, (t) => 0.1 * 3 + (t % 2) * 5e-17)],
    ['fewer samples than the minimum', wave(15, Math.sin)],
    ['nothing', new Float64Array(0)],
  ])('%s: null, and it counts for nothing', (_name, still) => {
    const moving = wave(64, Math.sin);
    const result = measure([moving, still, moving]);
    expect(result.signals[1]).toEqual({ phase: null, coherence: null });
    expect(result.coherence).toBeCloseTo(1, 12);
  });

  it('is null for a network of one, which still has its phase', () => {
    const { coherence, signals } = measure([wave(64, Math.sin)]);
    expect(coherence).toBeNull();
    expect(signals[0]?.coherence).toBeNull();
    expect(signals[0]?.phase).toEqual(expect.any(Number));
  });

  it('is null for an empty network', () => {
    expect(measure([])).toEqual({ coherence: null, signals: [] });
  });
});

describe('windows', () => {
  it('lays windows of different lengths over each other by their newest ends', () => {
    const result = measure([sinusoid(), sinusoid().slice(-200)]);
    expect(result.coherence).toBeGreaterThan(0.99);
  });

  it('waits with a short window until it reaches the trusted part of the longest', () => {
    const [, tooShort] = phases(measure([sinusoid(), sinusoid().slice(-60)]));
    expect(tooShort).toBeNull();
  });

  it('does not see a linear trend', () => {
    const trending = wave(LENGTH, (t) => 40 + 0.05 * t + Math.sin(OMEGA * t));
    const result = measure([trending, sinusoid()]);
    const [phase, expected] = phases(result);
    expect(angleBetween(phase ?? NaN, expected ?? NaN)).toBeCloseTo(0, 9);
    expect(result.coherence).toBeCloseTo(1, 9);
  });
});

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((number) => Math.round(number * 1e3) / 1e3);
const window = fc.array(value, { minLength: 16, maxLength: 80 }).map((values) => Float64Array.from(values));
const network = fc.array(window, { minLength: 2, maxLength: 8 });

function expectSame(a: number | null | undefined, b: number | null | undefined): void {
  if (typeof a === 'number' && typeof b === 'number') expect(Math.abs(a - b)).toBeLessThan(1e-6);
  else expect(a).toBe(b);
}

describe('for any network', () => {
  it('stays within 0 and 1, and phases within −π and π', () => {
    fc.assert(
      fc.property(network, (windows) => {
        const { coherence, signals } = measure(windows);
        for (const one of [coherence, ...nodeCoherences({ coherence, signals })]) {
          if (one !== null) expect(one >= 0 && one <= 1).toBe(true);
        }
        for (const { phase } of signals)
          if (phase !== null) expect(phase > -Math.PI && phase <= Math.PI).toBe(true);
      }),
    );
  });

  it('does not depend on the size or the offset of a signal', () => {
    const scale = fc.constantFrom(1e-300, 1e-9, 0.37, 1, 1e6, 1e300);
    const moving = fc.integer({ min: 1, max: 1e9 }).map((seed) => noise(64, createRandom(seed)));
    fc.assert(
      fc.property(fc.array(fc.tuple(moving, scale), { minLength: 2, maxLength: 6 }), (pairs) => {
        const plain = measure(pairs.map(([values]) => values));
        const scaled = measure(pairs.map(([values, factor]) => values.map((one) => one * factor)));
        expectSame(scaled.coherence, plain.coherence);
        for (const [j, { phase }] of scaled.signals.entries()) expectSame(phase, plain.signals[j]?.phase);
      }),
    );
  });

  it('does not depend on the order of the nodes', () => {
    fc.assert(
      fc.property(network, (windows) => {
        const forwards = measure(windows);
        const backwards = measure(windows.toReversed());
        expectSame(backwards.coherence, forwards.coherence);
        expect(phases(backwards).toReversed()).toEqual(phases(forwards));
      }),
    );
  });
});

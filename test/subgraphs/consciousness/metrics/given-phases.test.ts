import { describe, expect, it } from '@jest/globals';
import { measureNetworkCoherence } from '../../../../subgraphs/consciousness/coherence/network-coherence.js';
import { wrapAngle } from '../../../../subgraphs/consciousness/coherence/wrap-angle.js';
import { measureWindow } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import { createRandom, noise, wave } from '../support/waves.js';

const LENGTH = 256;
const OPTIONS = { lag: 1, surrogates: 19, seed: 1 };

/** An oscillator's phase, unwrapped: it turns and drifts, so that no two instants are alike. */
const turning = (offset = 0) => wave(LENGTH, (t) => 0.3 * t + 0.001 * t * t + offset);
const sine = (phase = 0) => wave(LENGTH, (t) => Math.sin((2 * Math.PI * 10 * t) / LENGTH + phase));

/** Signals that have nothing to do with the phases, nor with each other. */
function unrelated(count: number): Float64Array[] {
  const random = createRandom(7);
  return Array.from({ length: count }, () => noise(LENGTH, random));
}

const measure = (phases: readonly (Float64Array | undefined)[], signals = unrelated(phases.length)) =>
  measureWindow(signals, { ...OPTIONS, phases });

describe('given phases', () => {
  it('that are the same come to R = 1 and S = 1, and every pair is locked, whatever the values do', () => {
    const { coherence, stability, pairs, given } = measure([turning(), turning(), turning()]);
    expect(coherence).toBeCloseTo(1, 12);
    expect(stability).toBeCloseTo(1, 7);
    expect(pairs.map(({ locking }) => locking)).toEqual([0, 1, 2].map(() => expect.closeTo(1, 12)));
    expect(given).toEqual([0, 1, 2]);
  });

  it('of a pair in opposite phase come to R = 0, and the pair is locked', () => {
    const { coherence, pairs } = measure([turning(), turning(Math.PI)]);
    expect(coherence).toBeCloseTo(0, 12);
    expect(pairs).toEqual([{ a: 0, b: 1, locking: expect.closeTo(1, 12) }]);
  });

  it.each([3, 5, 13])('of %i oscillators, spread evenly over the circle, come to R = 0', (count) => {
    const phases = Array.from({ length: count }, (_, j) => turning((2 * Math.PI * j) / count));
    const { coherence, pairs } = measure(phases);
    expect(coherence).toBeCloseTo(0, 12);
    for (const { locking } of pairs) expect(locking).toBeCloseTo(1, 12);
  });

  it('at a constant lag φ come to R = |cos(φ/2)|', () => {
    expect(measure([turning(), turning(1.1)]).coherence).toBeCloseTo(Math.cos(0.55), 12);
  });

  it('that have nothing to do with each other come to about R = √(π/4N), and no pair is locked', () => {
    const random = createRandom(3);
    const phases = Array.from({ length: 13 }, () => wave(LENGTH, () => 2 * Math.PI * random()));
    const { coherence, pairs } = measure(phases);
    expect(coherence).toBeCloseTo(Math.sqrt(Math.PI / (4 * 13)), 1);
    for (const { locking } of pairs) expect(locking).toBeLessThan(0.25);
  });

  it('of which one half turns apart in the middle of the window come to the S of an order that is 1 and then 0', () => {
    const parting = wave(LENGTH, (t) => 0.3 * t + (t < LENGTH / 2 ? 0 : Math.PI));
    const staying = wave(LENGTH, (t) => 0.3 * t);
    const { coherence, stability } = measure([staying, parting]);
    expect(coherence).toBeCloseTo(0.5, 12);
    // σ of as many ones as noughts is a half.
    expect(stability).toBeCloseTo(0, 12);
  });

  it('are all the same modulo 2π', () => {
    const wrapped = [turning(), turning(1.1)].map((phases) => phases.map(wrapAngle));
    const [plain, other] = [measure([turning(), turning(1.1)]), measure(wrapped)];
    expect(other.coherence).toBeCloseTo(plain.coherence ?? NaN, 12);
  });

  it('leave Φ and D to the values', () => {
    const signals = unrelated(3);
    const [without, withThem] = [measureWindow(signals, OPTIONS), measure([turning(), turning()], signals)];
    expect(withThem.phi).toEqual(without.phi);
    expect(withThem.divergence).toBe(without.divergence);
    expect(without.given).toEqual([]);
  });

  it('count where the values do not move: R, S and the pairs are told, and why the rest is not', () => {
    const still = wave(LENGTH, () => 4.2);
    const result = measure([turning(), turning(Math.PI)], [still, still]);
    expect(result).toMatchObject({ moving: [], given: [0, 1], phi: null, divergence: null, level: null });
    expect(result.coherence).toBeCloseTo(0, 12);
    expect(result.stability).toBeCloseTo(1, 7);
    expect(result.pairs).toHaveLength(1);
    expect(result.nodes.map(({ place, phi, coherence }) => [place, phi, coherence])).toEqual([
      [0, null, expect.closeTo(1, 12)],
      [1, null, expect.closeTo(1, 12)],
    ]);
    expect(result.missing.map(({ metric, code }) => [metric, code])).toEqual(
      ['PHI', 'DIVERGENCE', 'LEVEL'].map((metric) => [metric, 'TOO_FEW_SIGNALS']),
    );
  });

  it('stand beside those of the analytic signal, and the ends of the window then count for none', () => {
    const cosinePhase = wave(LENGTH, (t) => (2 * Math.PI * 10 * t) / LENGTH - Math.PI / 2);
    // At the ends, where the analytic signal is not to be trusted, the given phase is another one.
    const spoilt = cosinePhase.map((phase, t) => (t < 32 || t >= LENGTH - 32 ? -phase : phase));
    const { coherence, pairs, given, moving } = measure([spoilt, undefined], [...unrelated(1), sine()]);
    expect(coherence).toBeGreaterThan(0.99);
    expect(pairs[0]?.locking).toBeGreaterThan(0.99);
    expect([given, moving]).toEqual([[0], [0, 1]]);
  });
});

describe('given phases in a sample', () => {
  const locked = { minimumSamples: 16, phases: [turning(), turning()] };

  it('are told for the instant of the sample itself, and make the coherence', () => {
    const { coherence, signals } = measureNetworkCoherence(unrelated(2), locked);
    expect(coherence).toBeCloseTo(1, 12);
    for (const { phase, coherence: own } of signals) {
      expect(phase).toBeCloseTo(wrapAngle(turning().at(-1) ?? NaN), 12);
      expect(own).toBeCloseTo(1, 12);
    }
  });

  it('are told for an eighth of the window ago as soon as another phase is of the analytic signal', () => {
    const { signals } = measureNetworkCoherence([...unrelated(2), sine()], locked);
    expect(signals[0]?.phase).toBeCloseTo(wrapAngle(turning()[LENGTH - 1 - LENGTH / 8] ?? NaN), 12);
    expect(signals[2]?.phase).not.toBeNull();
  });

  it('are not told before there are as many samples as any phase needs', () => {
    const short = [turning().slice(0, 8), turning().slice(0, 8)];
    const { coherence, signals } = measureNetworkCoherence(short, { minimumSamples: 16, phases: short });
    expect([coherence, signals[0]?.phase]).toEqual([null, null]);
  });
});

it.each([
  [0, 0],
  [Math.PI, Math.PI],
  [-Math.PI, Math.PI],
  [7, 7 - 2 * Math.PI],
  [-200.5 * Math.PI, -0.5 * Math.PI],
])('%d radians are %d above −π to π', (given, wrapped) => {
  expect(wrapAngle(given)).toBeCloseTo(wrapped, 10);
});

import { describe, expect, it } from '@jest/globals';
import { createOscillators } from '../../../../subgraphs/consciousness/generator/oscillators.js';
import { createMetatronCube } from '../../../../subgraphs/consciousness/graph/metatron-cube.js';
import { angleBetween, createRandom } from '../support/waves.js';

const STILL = { coupling: 0, frequencyHz: 0.5, spreadHz: 0, noise: 0, amplitudes: false, adaptive: false };
const PAIR = { nodeCount: 2, edges: [{ a: 0, b: 1, weight: 1 }] };

/** Kuramoto's order parameter of the phases now. */
function orderOf(phases: Float64Array): number {
  const [x, y] = [Math.cos, Math.sin].map((part) => phases.reduce((sum, phase) => sum + part(phase), 0));
  return Math.hypot(x ?? 0, y ?? 0) / phases.length;
}

function meanOrder(parameters: Partial<typeof STILL>, seed = 1): number {
  const oscillators = createOscillators({
    graph: createMetatronCube(),
    parameters: { ...STILL, spreadHz: 0.08, ...parameters },
    random: createRandom(seed),
  });
  oscillators.advance(20_000);
  let sum = 0;
  for (let step = 0; step < 250; step += 1) {
    oscillators.advance(100);
    sum += orderOf(oscillators.phases());
  }
  return sum / 250;
}

describe('an oscillator by itself', () => {
  it('turns at its frequency, and shows the cosine of its phase', () => {
    const oscillators = createOscillators({ graph: PAIR, parameters: STILL, random: createRandom(1) });
    const [before = NaN] = oscillators.phases();
    oscillators.advance(2_500);
    const [after = NaN] = oscillators.phases();
    expect(angleBetween(after, before + 2.5 * Math.PI)).toBeCloseTo(0, 8);
    expect(oscillators.read()[0]).toBeCloseTo(Math.cos(after), 12);
  });
});

describe('two oscillators', () => {
  /** Frequencies that differ: the second draw of the normal distribution less the first. */
  const apart = { ...STILL, spreadHz: 0.1 };

  function start(coupling: number) {
    return createOscillators({ graph: PAIR, parameters: { ...apart, coupling }, random: createRandom(3) });
  }

  function difference(coupling: number, seconds: number): number {
    const oscillators = start(coupling);
    oscillators.advance(1_000 * seconds);
    return differenceOf(oscillators);
  }

  function differenceOf(oscillators: ReturnType<typeof start>): number {
    const [a = NaN, b = NaN] = oscillators.phases();
    return angleBetween(a, b);
  }

  /** How fast their phases part without coupling, in radians a second. */
  const detuning = angleBetween(difference(0, 1), difference(0, 0));

  it('lock at the phase difference asin(Δω / 2K): Adler’s equation', () => {
    // d(θ₁ − θ₂)/dt = Δω − 2K sin(θ₁ − θ₂), with w = w̄ = 1.
    for (const share of [1.25, 2, 4]) {
      const coupling = (share * Math.abs(detuning)) / 2;
      expect(difference(coupling, 400)).toBeCloseTo(Math.asin(detuning / (2 * coupling)), 3);
    }
  });

  it('do not lock below it', () => {
    const coupling = (0.8 * Math.abs(detuning)) / 2;
    const oscillators = start(coupling);
    const differences = Array.from({ length: 140 }, () => {
      oscillators.advance(1_000);
      return differenceOf(oscillators);
    });
    expect(Math.max(...differences) - Math.min(...differences)).toBeGreaterThan(Math.PI);
  });
});

describe("the oscillators of Metatron's cube", () => {
  it('are incoherent without coupling and locked with much of it', () => {
    expect(meanOrder({ coupling: 0 })).toBeLessThan(0.45);
    expect(meanOrder({ coupling: 4 })).toBeGreaterThan(0.95);
  });

  it('come into order the more the stronger the coupling is', () => {
    const orders = [0, 0.6, 1.2, 3].map((coupling) => meanOrder({ coupling, noise: 0.3 }));
    expect(orders).toEqual(orders.toSorted((a, b) => a - b));
  });

  it('are the same for the same seed and others for another', () => {
    expect(meanOrder({ coupling: 1, noise: 0.5 }, 7)).toBe(meanOrder({ coupling: 1, noise: 0.5 }, 7));
    expect(meanOrder({ coupling: 1, noise: 0.5 }, 7)).not.toBe(meanOrder({ coupling: 1, noise: 0.5 }, 8));
  });

  it('keep an amplitude of 1 when they are Stuart–Landau oscillators that are in step', () => {
    const oscillators = createOscillators({
      graph: createMetatronCube(),
      parameters: { ...STILL, coupling: 5, amplitudes: true },
      random: createRandom(2),
    });
    oscillators.advance(60_000);
    const [phases, signals] = [oscillators.phases(), oscillators.read()];
    expect(orderOf(phases)).toBeGreaterThan(0.999);
    for (const [node, signal] of signals.entries()) {
      expect(signal).toBeCloseTo(Math.cos(phases[node] ?? NaN), 2);
    }
  });

  it('of two frequencies far apart die: amplitude death of strongly coupled Stuart–Landau oscillators', () => {
    // Aronson, Ermentrout, Kopell, Physica D 41 (1990): K > 1 and a detuning of more than 2√(2K − 1).
    const oscillators = createOscillators({
      graph: PAIR,
      parameters: { ...STILL, frequencyHz: 2, spreadHz: 1, coupling: 1.2, amplitudes: true },
      random: createRandom(3),
    });
    oscillators.advance(200_000);
    for (const signal of oscillators.read()) expect(Math.abs(signal)).toBeLessThan(0.05);
  });

  it('loosen their coupling while they disagree, when that adapts', () => {
    const fixed = meanOrder({ coupling: 1.1, spreadHz: 0.2 });
    const adaptive = meanOrder({ coupling: 1.1, spreadHz: 0.2, adaptive: true });
    expect(adaptive).toBeLessThan(fixed);
  });

  it('change when the coupling is set while they run', () => {
    const oscillators = createOscillators({
      graph: createMetatronCube(),
      parameters: { ...STILL, spreadHz: 0.08 },
      random: createRandom(1),
    });
    oscillators.advance(30_000);
    oscillators.setCoupling(6);
    oscillators.advance(60_000);
    expect(orderOf(oscillators.phases())).toBeGreaterThan(0.95);
  });
});

import { describe, expect, it } from '@jest/globals';
import { createAnalyticSignal } from '../../../../subgraphs/consciousness/coherence/analytic-signal.js';
import { createFourierTransform } from '../../../../subgraphs/consciousness/coherence/fourier-transform.js';
import { angleBetween, wave } from '../support/waves.js';

/** The largest error of the phase of a cosine between two instants, in radians. */
function worstPhase({
  length,
  cycles,
  from,
  to,
}: {
  length: number;
  cycles: number;
  from: number;
  to: number;
}): number {
  const omega = (2 * Math.PI * cycles) / length;
  const { real, imaginary } = createAnalyticSignal(
    wave(length, (t) => Math.cos(omega * t)),
    createFourierTransform(length),
  );
  let worst = 0;
  for (let t = from; t < to; t += 1) {
    const phase = Math.atan2(imaginary[t] ?? 0, real[t] ?? 0);
    worst = Math.max(worst, Math.abs(angleBetween(phase, omega * t)));
  }
  return worst;
}

describe('the analytic signal', () => {
  it('gives a cosine of whole periods its phase exactly, at even and at odd lengths', () => {
    for (const length of [16, 63, 64, 100]) {
      expect(worstPhase({ length, cycles: 5, from: 0, to: length })).toBeLessThan(1e-10);
    }
  });

  it('gives a cosine of a broken number of periods its phase within 0.1 rad in the inner three quarters', () => {
    for (const cycles of [4.5, 5.37, 9.81, 13.25]) {
      expect(worstPhase({ length: 64, cycles, from: 8, to: 56 })).toBeLessThan(0.1);
    }
  });

  it('is worse at the ends, which is why they are left out', () => {
    expect(worstPhase({ length: 64, cycles: 5.37, from: 0, to: 64 })).toBeGreaterThan(0.3);
  });

  it('has the signal itself as its real part', () => {
    const values = wave(50, (t) => Math.sin(t) + 0.3 * Math.cos(2.2 * t) + 0.1 * t);
    const { real } = createAnalyticSignal(values, createFourierTransform(50));
    for (const [t, value] of values.entries()) expect(real[t]).toBeCloseTo(value, 12);
  });
});

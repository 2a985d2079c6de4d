import { createAnalyticSignal } from './analytic-signal.js';
import { detrend } from './detrend.js';
import type { FourierTransform } from './fourier-transform.js';

/** The phase of a signal at each instant as a point of the unit circle; (0, 0) at an instant that has none. */
export interface Phasors {
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
}

/**
 * What is left of a constant or of a straight line after detrending is rounding: about 1e-16 of the largest value a
 * step, far below this. A signal that moves by less than one part in 10¹² of its size is taken not to move.
 */
const STILL = 1e-12;

/**
 * The phases of a signal over a window; undefined when it does not move, and so has no phase.
 *
 * Shape: N values in, N phasors out, where N is the transform's length.
 */
export function findPhasors(values: Float64Array, fourier: FourierTransform): Phasors | undefined {
  const moving = detrend(values);
  const meanSquare = moving.reduce((sum, value) => sum + value * value, 0) / moving.length;
  if (meanSquare <= STILL * STILL) return undefined;
  const { real, imaginary } = createAnalyticSignal(moving, fourier);
  for (let t = 0; t < real.length; t += 1) {
    const re = real[t] ?? 0;
    const im = imaginary[t] ?? 0;
    const envelope = Math.hypot(re, im);
    const scale = envelope > STILL ? 1 / envelope : 0;
    real[t] = re * scale;
    imaginary[t] = im * scale;
  }
  return { cosines: real, sines: imaginary };
}

/**
 * Phases that are known already, as points of the unit circle.
 *
 * Shape: N finite angles in radians in, N phasors out.
 */
export function toPhasors(phases: Float64Array): Phasors {
  return { cosines: phases.map(Math.cos), sines: phases.map(Math.sin) };
}

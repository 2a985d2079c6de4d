import { detrend } from '../coherence/detrend.js';

/** A signal that moves by less than this share of its size is taken not to move: that is rounding. */
const STILL = 1e-12;

/**
 * A signal without its straight line of least squares, with mean 0 and variance 1; undefined when it does not move.
 *
 * Shape: N values in, N values out; at least two. Units: any in, standard deviations out.
 */
export function standardise(values: Float64Array): Float64Array | undefined {
  const moving = detrend(values);
  const deviation = Math.sqrt(moving.reduce((sum, value) => sum + value * value, 0) / moving.length);
  return deviation > STILL ? moving.map((value) => value / deviation) : undefined;
}

import type { LaggedCovariance } from './lagged-covariance.js';

/**
 * How far a sample covariance should be moved towards a multiple of the identity, 0 (not at all) to 1 (wholly): the oracle
 * approximating shrinkage. It takes the samples for independent and Gaussian; those of a slow signal are not, so for them
 * it is rather too little than too much.
 *
 * Source: Chen, Wiesel, Eldar, Hero, Shrinkage algorithms for MMSE covariance estimation, IEEE Trans. Signal Process. 58
 * (2010), eq. 23.
 */
export function chooseShrinkage({ count, matrix, pairs }: LaggedCovariance): number {
  const size = 2 * count;
  const trace = traceOf(matrix, size);
  // The trace of the square of a symmetric matrix.
  const square = matrix.reduce((sum, entry) => sum + entry * entry, 0);
  const spread = (pairs + 1 - 2 / size) * (square - (trace * trace) / size);
  if (spread <= 0) return 1;
  return Math.min(1, ((1 - 2 / size) * square + trace * trace) / spread);
}

/** A covariance moved towards the identity times its mean variance, by an intensity from 0 to 1. */
export function shrink(covariance: LaggedCovariance, intensity: number): LaggedCovariance {
  if (intensity === 0) return covariance;
  const size = 2 * covariance.count;
  const mean = traceOf(covariance.matrix, size) / size;
  const matrix = covariance.matrix.map((entry, place) => {
    const isDiagonal = place % (size + 1) === 0;
    return (1 - intensity) * entry + (isDiagonal ? intensity * mean : 0);
  });
  return { ...covariance, matrix };
}

function traceOf(matrix: Float64Array, size: number): number {
  let trace = 0;
  for (let variable = 0; variable < size; variable += 1) trace += matrix[variable * (size + 1)] ?? 0;
  return trace;
}

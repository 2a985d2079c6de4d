import type { LaggedCovariance } from './lagged-covariance.js';
import { findEigensystem } from './symmetric-eigen.js';

/** A correlation this close to 1 tells no more than this one. */
const CLOSEST = 1 - 1e-12;

/** Keeps a signal that has nothing to do with any other in the graph. */
const LOOSEST = 1e-12;

/**
 * The signals of a network in the order in which a spectral bisection cuts them: by the Fiedler vector of the normalised
 * Laplacian of their mutual-information graph. Signals that tell much of each other come to lie together, so the weakest
 * cut is among the n − 1 that part this order in two. An edge weighs −½ log₂(1 − ρ²), with ρ the largest correlation of the
 * two signals at lags −τ, 0 and τ.
 *
 * Shape: the covariance of n signals in, their n places in order out.
 * Source: Shi and Malik, Normalized cuts and image segmentation, IEEE Trans. Pattern Anal. Mach. Intell. 22 (2000), §2 and 3;
 * for integrated information: Toker and Sommer, Information integration in large brain networks, PLoS Comput. Biol. 15
 * (2019) e1006807.
 */
export function orderBySpectrum(covariance: LaggedCovariance): readonly number[] {
  const { count } = covariance;
  const weights = weighPairs(covariance);
  const degrees = Float64Array.from({ length: count }, (_, row) => {
    const degree = weights.subarray(row * count, (row + 1) * count).reduce((sum, weight) => sum + weight, 0);
    return Math.max(LOOSEST, degree);
  });
  const laplacian = weights.map((weight, place) => {
    const [row, column] = [Math.floor(place / count), place % count];
    const scaled = weight / Math.sqrt((degrees[row] ?? 1) * (degrees[column] ?? 1));
    return (row === column ? 1 : 0) - scaled;
  });
  const fiedler = findEigensystem(laplacian, count).vectors[1] ?? new Float64Array(count);
  const positions = fiedler.map((value, place) => value / Math.sqrt(degrees[place] ?? 1));
  return Array.from({ length: count }, (_, place) => place).sort(
    (a, b) => (positions[a] ?? 0) - (positions[b] ?? 0) || a - b,
  );
}

function weighPairs({ count, matrix }: LaggedCovariance): Float64Array {
  const size = 2 * count;
  const covariance = (a: number, b: number) => matrix[a * size + b] ?? 0;
  const squareCorrelation = (a: number, b: number) =>
    covariance(a, b) ** 2 / (covariance(a, a) * covariance(b, b));
  const weights = new Float64Array(count * count);
  for (let i = 0; i < count; i += 1) {
    for (let j = i + 1; j < count; j += 1) {
      const strongest = Math.max(
        squareCorrelation(2 * i, 2 * j),
        squareCorrelation(2 * i + 1, 2 * j + 1),
        squareCorrelation(2 * i, 2 * j + 1),
        squareCorrelation(2 * i + 1, 2 * j),
      );
      const weight = -Math.log2(1 - Math.min(CLOSEST, strongest)) / 2;
      weights[i * count + j] = weight;
      weights[j * count + i] = weight;
    }
  }
  return weights;
}

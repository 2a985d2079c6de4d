import { buildDense, entryOf, factorise, invert, type DenseMatrix } from './dense-matrix.js';
import type { LaggedCovariance } from './lagged-covariance.js';

/**
 * What each signal adds to the whole: φ of the bipartition of this one signal and all others, whole minus sum, in bits. What
 * the network tells of its own past, less what it tells without the signal and what the signal tells of its own. Below 0
 * where the signal repeats what the others tell.
 *
 * The determinants without one signal come of the inverse: det Σ without S = det Σ · det (Σ⁻¹ within S).
 *
 * Shape: the covariance of n signals, positive definite, in; n numbers out. Errors: RangeError when it is not.
 * Source: Barrett and Seth, PLoS Comput. Biol. 7 (2011) e1001052, for φ of a bipartition; that of one element against the
 * rest is the "atomic" cut.
 */
export function computeNodeIntegration({ count, matrix }: LaggedCovariance): Float64Array {
  const size = 2 * count;
  const at = (row: number, column: number) => matrix[row * size + column] ?? 0;
  const past = invert(factorise(buildDense(count, count, (row, column) => at(2 * row, 2 * column))));
  const now = invert(factorise(buildDense(count, count, (row, column) => at(2 * row + 1, 2 * column + 1))));
  const both = invert(factorise({ rows: size, columns: size, entries: matrix }));
  return Float64Array.from({ length: count }, (_, signal) => {
    const [p, n] = [2 * signal, 2 * signal + 1];
    // I(whole) − I(others) = −½ (ln det Σ⁻¹ₚ + ln det Σ⁻¹ₙ − ln det Σ⁻¹ₚₙ), each within the signal.
    const lost =
      Math.log(entryOf(past, signal, signal)) +
      Math.log(entryOf(now, signal, signal)) -
      Math.log(determinant2(both, p, n));
    const own = Math.log(at(p, p)) + Math.log(at(n, n)) - Math.log(at(p, p) * at(n, n) - at(p, n) ** 2);
    return (-lost - own) / 2 / Math.LN2;
  });
}

function determinant2(matrix: DenseMatrix, a: number, b: number): number {
  return entryOf(matrix, a, a) * entryOf(matrix, b, b) - entryOf(matrix, a, b) ** 2;
}

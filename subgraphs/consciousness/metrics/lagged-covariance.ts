import { GrowingCholesky } from './growing-cholesky.js';

/** How n signals vary together, with themselves and with their own past. */
export interface LaggedCovariance {
  /** How many signals, n. */
  readonly count: number;
  /**
   * The covariance of 2n variables, row by row: variable 2j is signal j a lag ago, variable 2j + 1 signal j now. In the
   * square of the signals' unit.
   */
  readonly matrix: Float64Array;
  /** How many pairs of instants it was estimated from. */
  readonly pairs: number;
}

/** Less than this share of a variable's variance is left when the others are known: taken for a linear dependence. */
const DEPENDENT = 1e-8;

/**
 * The sample covariance of signals and their own past.
 *
 * Shape: n signals of N equally spaced values each, in; pairs of instants are N − lag. `lag` is in samples, at least 1 and
 * less than N − 1.
 */
export function estimateLaggedCovariance(signals: readonly Float64Array[], lag: number): LaggedCovariance {
  const pairs = (signals[0]?.length ?? 0) - lag;
  const variables = signals.flatMap((signal) => [
    centre(signal.subarray(0, pairs)),
    centre(signal.subarray(lag, lag + pairs)),
  ]);
  const size = variables.length;
  const matrix = new Float64Array(size * size);
  for (const [row, a] of variables.entries()) {
    for (let column = 0; column <= row; column += 1) {
      const covariance = multiply(a, variables[column] ?? a) / pairs;
      matrix[row * size + column] = covariance;
      matrix[column * size + row] = covariance;
    }
  }
  return { count: signals.length, matrix, pairs };
}

/**
 * Whether no variable is a linear function of the others, up to rounding: only then is the covariance of every part
 * positive definite. Meant for variables of one size, such as standardised ones.
 */
export function isRegular({ count, matrix, pairs }: LaggedCovariance): boolean {
  const size = 2 * count;
  if (pairs <= size) return false;
  const factor = new GrowingCholesky(matrix, size);
  for (let variable = 0; variable < size; variable += 1) {
    const variance = matrix[variable * size + variable] ?? 0;
    // A pivot that is no number fails the comparison as well.
    if (!(factor.push(variable) > DEPENDENT * variance)) return false;
  }
  return true;
}

function centre(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}

function multiply(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let t = 0; t < a.length; t += 1) sum += (a[t] ?? 0) * (b[t] ?? 0);
  return sum;
}

import type { LaggedCovariance } from '../../../../subgraphs/consciousness/metrics/lagged-covariance.js';
import { noise } from './waves.js';

/** A square matrix, row by row. */
export type Matrix = readonly (readonly number[])[];

/** A network of signals that are each a mixture of all of them one step before, and noise: x(t) = A x(t − 1) + ε. */
export interface Autoregression {
  readonly coupling: Matrix;
  /** Covariance of the noise; the identity when left out. */
  readonly noise?: Matrix;
}

const at = (matrix: Matrix, row: number, column: number) => matrix[row]?.[column] ?? 0;

export function buildMatrix(size: number, entry: (row: number, column: number) => number): Matrix {
  return Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_none, column) => entry(row, column)),
  );
}

export function identity(size: number): Matrix {
  return buildMatrix(size, (row, column) => (row === column ? 1 : 0));
}

function multiply(a: Matrix, b: Matrix): Matrix {
  return buildMatrix(a.length, (row, column) =>
    a.reduce((sum, _, k) => sum + at(a, row, k) * at(b, k, column), 0),
  );
}

const transpose = (a: Matrix) => buildMatrix(a.length, (row, column) => at(a, column, row));

const add = (a: Matrix, b: Matrix) =>
  buildMatrix(a.length, (row, column) => at(a, row, column) + at(b, row, column));

/**
 * The exact covariance of a stable network with its past of one step, standardised: Σ solves the Lyapunov equation
 * Σ = A Σ Aᵀ + Q, and the covariance of now with before is A Σ. Solved by doubling (Smith, SIAM J. Appl. Math. 16, 1968).
 */
export function covarianceOf({ coupling, noise: given }: Autoregression): LaggedCovariance {
  const count = coupling.length;
  let sum = given ?? identity(count);
  let power = coupling;
  for (let step = 0; step < 12; step += 1) {
    sum = add(sum, multiply(multiply(power, sum), transpose(power)));
    power = multiply(power, power);
  }
  const lagged = multiply(coupling, sum);
  const matrix = new Float64Array(4 * count * count);
  for (let row = 0; row < 2 * count; row += 1) {
    for (let column = 0; column < 2 * count; column += 1) {
      const [i, j] = [row >> 1, column >> 1];
      const [rowIsNow, columnIsNow] = [row % 2 === 1, column % 2 === 1];
      const value = rowIsNow === columnIsNow ? at(sum, i, j) : rowIsNow ? at(lagged, i, j) : at(lagged, j, i);
      matrix[row * 2 * count + column] = value / Math.sqrt(at(sum, i, i) * at(sum, j, j));
    }
  }
  return { count, matrix, pairs: Infinity };
}

/** Signals of a network with independent noise of variance 1, after it has run in. */
export function simulate(coupling: Matrix, length: number, random: () => number): Float64Array[] {
  const runIn = 100;
  const shocks = coupling.map(() => noise(length + runIn, random));
  const signals = coupling.map(() => new Float64Array(length));
  let state = coupling.map(() => 0);
  for (let t = 0; t < length + runIn; t += 1) {
    const before = state;
    state = coupling.map((row, i) =>
      row.reduce((sum, weight, j) => sum + weight * (before[j] ?? 0), shocks[i]?.[t] ?? 0),
    );
    if (t < runIn) continue;
    for (const [i, signal] of signals.entries()) signal[t - runIn] = state[i] ?? 0;
  }
  return signals;
}

/** Each node drives the next one; in a loop the last one drives the first. */
export function chain(count: number, weight: number, isLoop: boolean): Matrix {
  return buildMatrix(count, (row, column) => {
    const follows = row === column + 1 || (isLoop && row === 0 && column === count - 1);
    return follows ? weight : 0;
  });
}

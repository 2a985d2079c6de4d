import {
  buildDense,
  entryOf,
  factorise,
  invert,
  logDeterminantOf,
  multiplyTransposed,
  whiten,
  type DenseMatrix,
} from './dense-matrix.js';
import type { LaggedCovariance } from './lagged-covariance.js';
import { findEigensystem } from './symmetric-eigen.js';

/**
 * Φ* of one partition: the mutual information of a network with its own past, less what is left of it for a decoder that
 * takes the parts for independent of each other. 0 when they are; never below 0, and never more than the mutual information.
 *
 * The decoder knows q(x|x′) = Πₖ N(Aₖ x′ₖ, Sₖ), each part's own regression on its own past. What it gets is I* = max over β of
 * Ĩ(β) = ½ Σᵢ [ln(1 + βλᵢ) + βsᵢ/(1 + βλᵢ) − β], where λ are the eigenvalues of S^−½ A Σ′ Aᵀ S^−½ and sᵢ the entries of S^−½ Σ S^−½ on
 * the diagonal in its eigenvectors: the paper's formula, with the inverses taken out by Woodbury's identity. Ĩ is concave.
 *
 * Shape: the covariance of n signals, and the places in each part. Units: bits.
 * Errors: RangeError for a covariance that is not positive definite.
 * Source: Oizumi, Amari, Yanagawa, Fujii, Tsuchiya, Measuring integrated information from the decoding perspective, PLoS
 * Comput. Biol. 12 (2016) e1004654, eq. 22–25.
 */
export function computePhiStar(covariance: LaggedCovariance, parts: readonly (readonly number[])[]): number {
  const blocks = readBlocks(covariance);
  const { mixing, residual } = regressParts(blocks, parts);
  const factor = factorise(residual);
  const explained = multiplyTransposed(multiplyTransposed(mixing, blocks.past), mixing);
  const size = covariance.count;
  const { values, vectors } = findEigensystem(whiten(factor, explained).entries, size);
  const now = whiten(factor, blocks.now);
  const spreads = vectors.map((vector) => quadratic(now, vector));
  const whole = informationOf(covariance, blocks);
  const decoded = maximise(
    Array.from(values, (value) => Math.max(0, value)),
    spreads,
  );
  return Math.min(whole, Math.max(0, whole - decoded)) / Math.LN2;
}

interface Blocks {
  readonly past: DenseMatrix;
  readonly now: DenseMatrix;
  /** Of now (rows) with past (columns). */
  readonly cross: DenseMatrix;
}

function readBlocks({ count, matrix }: LaggedCovariance): Blocks {
  const at = (row: number, column: number) => matrix[row * 2 * count + column] ?? 0;
  return {
    past: buildDense(count, count, (row, column) => at(2 * row, 2 * column)),
    now: buildDense(count, count, (row, column) => at(2 * row + 1, 2 * column + 1)),
    cross: buildDense(count, count, (row, column) => at(2 * row + 1, 2 * column)),
  };
}

/** Each part's regression on its own past: the mixing A and the covariance S of what it leaves, 0 between the parts. */
function regressParts(
  { past, now, cross }: Blocks,
  parts: readonly (readonly number[])[],
): { readonly mixing: DenseMatrix; readonly residual: DenseMatrix } {
  const mixing = buildDense(past.rows, past.rows, () => 0);
  const residual = buildDense(past.rows, past.rows, () => 0);
  for (const part of parts) {
    const own = (matrix: DenseMatrix) =>
      buildDense(part.length, part.length, (row, column) =>
        entryOf(matrix, part[row] ?? 0, part[column] ?? 0),
      );
    const ownCross = own(cross);
    const ownMixing = multiplyTransposed(ownCross, invert(factorise(own(past))));
    const explained = multiplyTransposed(ownMixing, ownCross);
    for (const [row, i] of part.entries()) {
      for (const [column, j] of part.entries()) {
        mixing.entries[i * past.rows + j] = entryOf(ownMixing, row, column);
        residual.entries[i * past.rows + j] = entryOf(now, i, j) - entryOf(explained, row, column);
      }
    }
  }
  return { mixing, residual };
}

/** vᵀ M v. */
function quadratic(matrix: DenseMatrix, vector: Float64Array): number {
  return vector.reduce((sum, value, row) => {
    const product = vector.reduce((rest, other, column) => rest + entryOf(matrix, row, column) * other, 0);
    return sum + value * product;
  }, 0);
}

/** The mutual information of all signals with their past, in nats. */
function informationOf({ count, matrix }: LaggedCovariance, { past, now }: Blocks): number {
  const both = { rows: 2 * count, columns: 2 * count, entries: matrix };
  const [a, b, c] = [past, now, both].map((one) => logDeterminantOf(factorise(one)));
  return ((a ?? NaN) + (b ?? NaN) - (c ?? NaN)) / 2;
}

/** The greatest Ĩ(β), in nats: at the root of its falling derivative, which bisection finds. */
function maximise(lambdas: readonly number[], spreads: readonly number[]): number {
  const sum = (term: (lambda: number, spread: number) => number) =>
    lambdas.reduce((total, lambda, i) => total + term(lambda, spreads[i] ?? 1), 0) / 2;
  const slope = (beta: number) =>
    sum((lambda, spread) => lambda / (1 + beta * lambda) + spread / (1 + beta * lambda) ** 2 - 1);
  const value = (beta: number) =>
    sum((lambda, spread) => Math.log1p(beta * lambda) + (beta * spread) / (1 + beta * lambda) - beta);
  let [low, high] = [0, 1];
  if (slope(0) <= 0) return 0;
  while (slope(high) > 0 && high < 2 ** 20) [low, high] = [high, 2 * high];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  return Math.max(0, value((low + high) / 2));
}

/** A matrix of `rows` × `columns`, row by row. */
export interface DenseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly entries: Float64Array;
}

/** Makes a matrix from a rule. */
export function buildDense(
  rows: number,
  columns: number,
  entry: (row: number, column: number) => number,
): DenseMatrix {
  const entries = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) entries[row * columns + column] = entry(row, column);
  }
  return { rows, columns, entries };
}

/** One entry. */
export function entryOf({ columns, entries }: DenseMatrix, row: number, column: number): number {
  return entries[row * columns + column] ?? 0;
}

/** a · bᵀ. */
export function multiplyTransposed(a: DenseMatrix, b: DenseMatrix): DenseMatrix {
  return buildDense(a.rows, b.rows, (row, column) => {
    let sum = 0;
    for (let k = 0; k < a.columns; k += 1) {
      sum += (a.entries[row * a.columns + k] ?? 0) * (b.entries[column * b.columns + k] ?? 0);
    }
    return sum;
  });
}

/**
 * The lower Cholesky factor L of a symmetric matrix, L Lᵀ. Errors: RangeError when the matrix is not positive definite.
 *
 * Source: Golub and Van Loan, Matrix Computations (4th ed. 2013), §4.2.
 */
export function factorise(matrix: DenseMatrix): DenseMatrix {
  const { rows: size } = matrix;
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let rest = entryOf(matrix, row, column);
      for (let k = 0; k < column; k += 1) {
        rest -= (factor[row * size + k] ?? 0) * (factor[column * size + k] ?? 0);
      }
      if (row > column) factor[row * size + column] = rest / (factor[column * size + column] ?? 1);
      else if (rest > 0) factor[row * size + row] = Math.sqrt(rest);
      else throw new RangeError('expected a positive definite matrix');
    }
  }
  return { rows: size, columns: size, entries: factor };
}

/** The natural logarithm of the determinant of L Lᵀ. */
export function logDeterminantOf(factor: DenseMatrix): number {
  let sum = 0;
  for (let place = 0; place < factor.rows; place += 1) sum += 2 * Math.log(entryOf(factor, place, place));
  return sum;
}

/** The rows of X Lᵀ = B, that is X = B L⁻ᵀ: every row of B solved with L. */
function solveRows(factor: DenseMatrix, b: DenseMatrix): DenseMatrix {
  const size = factor.rows;
  const solved = Float64Array.from(b.entries);
  for (let row = 0; row < b.rows; row += 1) {
    for (let column = 0; column < size; column += 1) {
      let rest = solved[row * size + column] ?? 0;
      for (let k = 0; k < column; k += 1) {
        rest -= entryOf(factor, column, k) * (solved[row * size + k] ?? 0);
      }
      solved[row * size + column] = rest / entryOf(factor, column, column);
    }
  }
  return { rows: b.rows, columns: size, entries: solved };
}

/** L⁻¹ M L⁻ᵀ of a symmetric M: M in coordinates in which L Lᵀ is the identity. */
export function whiten(factor: DenseMatrix, matrix: DenseMatrix): DenseMatrix {
  const half = solveRows(factor, matrix);
  const turned = buildDense(matrix.rows, matrix.columns, (row, column) => entryOf(half, column, row));
  return solveRows(factor, turned);
}

/** (L Lᵀ)⁻¹. */
export function invert(factor: DenseMatrix): DenseMatrix {
  const size = factor.rows;
  const inverse = solveRows(
    factor,
    buildDense(size, size, (row, column) => (row === column ? 1 : 0)),
  );
  // Row i of `inverse` is L⁻¹ eᵢ; the inverse is L⁻ᵀ L⁻¹, whose entry (i, j) is the product of these two rows.
  return multiplyTransposed(inverse, inverse);
}

/**
 * The Cholesky factor of a principal submatrix that grows and shrinks by one row and column at a time, so that the
 * determinants of all subsets of n variables cost O(n²) each along a tree of subsets instead of O(n³).
 *
 * Shape: a symmetric matrix of `size` × `size`, row by row; only its rows and columns that were pushed count.
 * Source: Golub and Van Loan, Matrix Computations (4th ed. 2013), §4.2.
 */
export class GrowingCholesky {
  readonly #matrix: Float64Array;
  readonly #size: number;
  readonly #factor: Float64Array;
  readonly #members: Uint8Array;
  readonly #logDeterminants: Float64Array;
  #length = 0;

  /** @param size rows of the matrix, at most 255 */
  constructor(matrix: Float64Array, size: number) {
    this.#matrix = matrix;
    this.#size = size;
    this.#factor = new Float64Array(size * size);
    this.#members = new Uint8Array(size);
    this.#logDeterminants = new Float64Array(size + 1);
  }

  /** Natural logarithm of the submatrix's determinant; 0 while it is empty. */
  get logDeterminant(): number {
    return this.#logDeterminants[this.#length] ?? 0;
  }

  /**
   * Adds a variable, and returns its pivot: what is left of its variance when those before it are known. When that is not
   * above 0 the submatrix is not positive definite, and its logarithm of the determinant no number of use.
   */
  push(variable: number): number {
    const row = this.#length * this.#size;
    let pivot = this.#matrix[variable * this.#size + variable] ?? 0;
    for (let column = 0; column < this.#length; column += 1) {
      const entry = this.#solve(variable, row, column);
      this.#factor[row + column] = entry;
      pivot -= entry * entry;
    }
    this.#factor[row + this.#length] = Math.sqrt(pivot);
    this.#members[this.#length] = variable;
    this.#logDeterminants[this.#length + 1] = this.logDeterminant + Math.log(pivot);
    this.#length += 1;
    return pivot;
  }

  /** Takes the newest variable away again. */
  pop(): void {
    this.#length -= 1;
  }

  #solve(variable: number, row: number, column: number): number {
    const factor = this.#factor;
    const other = column * this.#size;
    let sum = this.#matrix[variable * this.#size + (this.#members[column] ?? 0)] ?? 0;
    for (let k = 0; k < column; k += 1) sum -= (factor[row + k] ?? 0) * (factor[other + k] ?? 0);
    return sum / (factor[other + column] ?? 1);
  }
}

/** What a symmetric matrix is made of. */
export interface Eigensystem {
  /** Ascending. */
  readonly values: Float64Array;
  /** One eigenvector of length 1 for each value, in their order. */
  readonly vectors: readonly Float64Array[];
}

/** Sweeps after which it has long converged; each brings quadratically more digits. */
const MOST_SWEEPS = 30;

/** What is left beside the diagonal, against the whole, when it is done. */
const ROUNDING = 1e-28;

/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations: slow for large ones, but as exact as the
 * entries are for the sizes here (up to some hundred rows).
 *
 * Shape: `size` × `size` entries, row by row.
 * Source: Golub and Van Loan, Matrix Computations (4th ed. 2013), §8.5.
 */
export function findEigensystem(matrix: Float64Array, size: number): Eigensystem {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(size * size);
  for (let i = 0; i < size; i += 1) v[i * size + i] = 1;
  const whole = a.reduce((sum, entry) => sum + entry * entry, 0);
  for (let sweep = 0; sweep < MOST_SWEEPS && squareBeside(a, size) > ROUNDING * whole; sweep += 1) {
    for (let p = 0; p < size - 1; p += 1) {
      for (let q = p + 1; q < size; q += 1) rotate(a, v, { size, p, q });
    }
  }
  const order = Array.from({ length: size }, (_, place) => place).sort(
    (i, j) => (a[i * size + i] ?? 0) - (a[j * size + j] ?? 0),
  );
  return {
    values: Float64Array.from(order, (place) => a[place * size + place] ?? 0),
    vectors: order.map((place) =>
      Float64Array.from({ length: size }, (_, row) => v[row * size + place] ?? 0),
    ),
  };
}

/** The sum of the squares above the diagonal. */
function squareBeside(a: Float64Array, size: number): number {
  let sum = 0;
  for (let row = 0; row < size; row += 1) {
    for (let column = row + 1; column < size; column += 1) sum += (a[row * size + column] ?? 0) ** 2;
  }
  return sum;
}

interface Plane {
  readonly size: number;
  readonly p: number;
  readonly q: number;
}

/** Turns the plane of two axes so that the entry between them becomes 0. */
function rotate(a: Float64Array, v: Float64Array, { size, p, q }: Plane): void {
  const between = a[p * size + q] ?? 0;
  if (between === 0) return;
  const theta = ((a[q * size + q] ?? 0) - (a[p * size + p] ?? 0)) / (2 * between);
  const tangent = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (let k = 0; k < size; k += 1) turn(a, { i: k * size + p, j: k * size + q, cosine, sine });
  for (let k = 0; k < size; k += 1) turn(a, { i: p * size + k, j: q * size + k, cosine, sine });
  for (let k = 0; k < size; k += 1) turn(v, { i: k * size + p, j: k * size + q, cosine, sine });
}

function turn(
  entries: Float64Array,
  { i, j, cosine, sine }: { i: number; j: number; cosine: number; sine: number },
): void {
  const [x, y] = [entries[i] ?? 0, entries[j] ?? 0];
  entries[i] = cosine * x - sine * y;
  entries[j] = sine * x + cosine * y;
}

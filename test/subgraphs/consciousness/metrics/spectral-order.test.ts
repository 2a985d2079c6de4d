import { describe, expect, it } from '@jest/globals';
import { computeIntegratedInformation } from '../../../../subgraphs/consciousness/metrics/integrated-information.js';
import { rankBipartitions, rankCuts } from '../../../../subgraphs/consciousness/metrics/bipartitions.js';
import { orderBySpectrum } from '../../../../subgraphs/consciousness/metrics/spectral-order.js';
import { findEigensystem } from '../../../../subgraphs/consciousness/metrics/symmetric-eigen.js';
import { buildMatrix, covarianceOf } from '../support/autoregression.js';
import { createRandom } from '../support/waves.js';

/** Two groups of equal size that touch weakly; the nodes of both are shuffled into each other. */
function twoGroups(count: number, weight: number, between: number) {
  return buildMatrix(count, (row, column) => (row % 2 === column % 2 ? weight : between));
}

describe('the spectral bisection of more than 16 signals', () => {
  it.each([20, 40])('parts two tight groups of %d signals at the weak link between them', (count) => {
    const covariance = covarianceOf({ coupling: twoGroups(count, 1.6 / count, 0.002) });
    const { partition, search, exact } = computeIntegratedInformation(covariance);
    expect({ search, exact }).toEqual({ search: 'SPECTRAL_BISECTION', exact: false });
    expect(partition[0]).toEqual(Array.from({ length: count / 2 }, (_, place) => 2 * place));
    expect(partition[1]).toHaveLength(count / 2);
  });

  it('finds that two groups without a link integrate nothing', () => {
    const covariance = covarianceOf({ coupling: twoGroups(18, 0.08, 0) });
    expect(Math.abs(computeIntegratedInformation(covariance).bits)).toBeLessThan(1e-9);
  });

  it('finds the cut that the search of all bipartitions finds, where that is one of its own', () => {
    const covariance = covarianceOf({ coupling: twoGroups(10, 0.16, 0.01) });
    const [exhaustive] = rankBipartitions(covariance, 1).best;
    const [spectral] = rankCuts(covariance, orderBySpectrum(covariance)).best;
    expect(spectral?.parts).toEqual(exhaustive?.parts);
    expect(spectral?.nats).toBeCloseTo(exhaustive?.nats ?? NaN, 10);
  });
});

describe('the eigenvectors of a symmetric matrix', () => {
  it('make the matrix again', () => {
    const random = createRandom(1);
    const half = buildMatrix(12, () => random() - 0.5);
    const matrix = buildMatrix(12, (row, column) => (half[row]?.[column] ?? 0) + (half[column]?.[row] ?? 0));
    const { values, vectors } = findEigensystem(Float64Array.from(matrix.flat()), 12);
    expect([...values]).toEqual([...values].sort((a, b) => a - b));
    for (let row = 0; row < 12; row += 1) {
      for (let column = 0; column < 12; column += 1) {
        const entry = vectors.reduce(
          (sum, vector, i) => sum + (values[i] ?? 0) * (vector[row] ?? 0) * (vector[column] ?? 0),
          0,
        );
        expect(entry).toBeCloseTo(matrix[row]?.[column] ?? 0, 10);
      }
    }
  });

  it('of the path of three are those in closed form', () => {
    // The Laplacian of a path has the eigenvalues 2 − 2 cos(πk/n).
    const { values } = findEigensystem(Float64Array.from([1, -1, 0, -1, 2, -1, 0, -1, 1]), 3);
    expect(values[0]).toBeCloseTo(0, 12);
    expect(values[1]).toBeCloseTo(1, 12);
    expect(values[2]).toBeCloseTo(3, 12);
  });
});

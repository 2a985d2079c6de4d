import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  computeIntegratedInformation,
  type IntegratedInformation,
} from '../../../../subgraphs/consciousness/metrics/integrated-information.js';
import {
  estimateLaggedCovariance,
  isRegular,
} from '../../../../subgraphs/consciousness/metrics/lagged-covariance.js';
import {
  buildMatrix,
  chain,
  covarianceOf,
  identity,
  type Autoregression,
} from '../support/autoregression.js';
import { createRandom, noise } from '../support/waves.js';

const phiOf = (network: Autoregression) => computeIntegratedInformation(covarianceOf(network));

/** All weights equal: the network has one mode with memory, the mean, whose autocorrelation is count × weight. */
const uniform = (count: number, weight: number) => buildMatrix(count, () => weight);

/** Information in bits between two Gaussian variables of a correlation. */
const bitsOf = (correlation: number) => -Math.log2(1 - correlation ** 2) / 2;

describe('two nodes, x(t) = A x(t − 1) + ε, in closed form', () => {
  it.each([0.1, 0.25, 0.4])(
    'have Φ from the variances of sum and difference when all weights are %d',
    (a) => {
      // The sum has variance v = 1/(1 − 4a²) and autocorrelation 2a, the difference is white; a node is their mean.
      const v = 1 / (1 - 4 * a * a);
      const expected = bitsOf(2 * a) - 2 * bitsOf((2 * a * v) / (v + 1));
      expect(phiOf({ coupling: uniform(2, a) }).bits).toBeCloseTo(expected, 10);
      expect(expected).toBeGreaterThan(0);
    },
  );

  it('have a Φ below 0 when their noise is nearly common: whole minus sum counts twice what both know', () => {
    // Mediano, Seth, Barrett (2019), §3: the same network, weights 0.4, with noise of correlation c.
    const [a, c] = [0.4, 0.9];
    const [v, w] = [(1 + c) / (1 - 4 * a * a), 1 - c];
    const expected = bitsOf(2 * a) - 2 * bitsOf((2 * a * v) / (v + w));
    const network = {
      coupling: uniform(2, a),
      noise: [
        [1, c],
        [c, 1],
      ],
    };
    expect(phiOf(network).bits).toBeCloseTo(expected, 10);
    expect(expected).toBeLessThan(0);
  });

  it.each([0.3, 1, 2])('have Φ = ½ log₂(1 + b²) when one without memory drives the other by %d', (b) => {
    const coupling = [
      [0, 0],
      [b, 0],
    ];
    expect(phiOf({ coupling }).bits).toBeCloseTo(Math.log2(1 + b * b) / 2, 10);
  });

  it('have none without coupling, however much memory each has', () => {
    const coupling = [
      [0.9, 0],
      [0, -0.7],
    ];
    expect(Math.abs(phiOf({ coupling }).bits)).toBeLessThan(1e-12);
  });
});

describe('three nodes in closed form', () => {
  it.each([0.1, 0.2, 0.3])('have Φ from the mean, a pair and a single one when all weights are %d', (a) => {
    const v = 1 / (1 - 9 * a * a);
    const pair = bitsOf((6 * a * v) / (2 * v + 1));
    const single = bitsOf((3 * a * v) / (v + 2));
    const { bits, partition } = phiOf({ coupling: uniform(3, a) });
    expect(bits).toBeCloseTo(bitsOf(3 * a) - pair - single, 10);
    expect(partition.flat().toSorted()).toEqual([0, 1, 2]);
  });

  it.each([0.5, 0.8, 1.5])(
    'have Φ = ½ log₂(1 + b²) in a chain of weight %d, cut behind its first link',
    (b) => {
      // The variances are 1, 1 + b² and 1 + b² + b⁴, each link tells ½ log₂ of that of its end, and the first tells least.
      const { bits, partition } = phiOf({ coupling: chain(3, b, false) });
      expect(bits).toBeCloseTo(Math.log2(1 + b * b) / 2, 10);
      expect(partition).toEqual([[0], [1, 2]]);
    },
  );
});

describe('the homogeneous network of Barrett and Seth (2011), Fig. 1d: eight nodes, each to each other one with weight 1/14', () => {
  // As the caption gives it: 1/14 each, so that what comes to a node is 0.5. One mode, the mean, has the eigenvalue 7/14, seven
  // have −1/14. The paper shows Φ as a bar; here it is in closed form.
  const [mean, rest] = [7 / 14, -1 / 14];
  const variance = (eigenvalue: number) => 1 / (1 - eigenvalue ** 2);
  /** Of any part of so many nodes: the symmetric mode's variance, or its covariance with its past; the other modes have `rest`'s. */
  const blend = (size: number, of: (eigenvalue: number) => number) =>
    of(rest) + (size * (of(mean) - of(rest))) / 8;
  const informationOf = (size: number) =>
    bitsOf(blend(size, (value) => value * variance(value)) / blend(size, variance)) +
    (size - 1) * bitsOf(rest);
  const entropyOf = (size: number) =>
    (size * Math.log2(2 * Math.PI * Math.E) +
      Math.log2(blend(size, variance)) +
      (size - 1) * Math.log2(variance(rest)) -
      size * Math.log2(blend(1, variance))) /
    2;
  const cutOf = (size: number) => informationOf(8) - informationOf(size) - informationOf(8 - size);

  it('has the Φ of its minimum information bipartition', () => {
    const coupling = buildMatrix(8, (row, column) => (row === column ? 0 : 1 / 14));
    const { bits, partition } = phiOf({ coupling });
    const size = Math.min(...partition.map(({ length }) => length));
    const normalised = [1, 2, 3, 4].map((part) => cutOf(part) / entropyOf(part));
    expect(size).toBe(1 + normalised.indexOf(Math.min(...normalised)));
    expect(bits).toBeCloseTo(cutOf(size), 10);
    expect(bits).toBeGreaterThan(0);
  });
});

describe('the bipartition', () => {
  it('falls between two halves that do not touch: the example network of the Practical Φ Toolbox', () => {
    // Kitazono and Oizumi, Practical Φ Toolbox, demo_phi_Gauss: two pairs with weights 0.2 and 0.5.
    const pair = (row: number, column: number) => (row === column ? 0.2 : 0.5);
    const coupling = buildMatrix(4, (row, column) => (row >> 1 === column >> 1 ? pair(row, column) : 0));
    const { bits, partition, normalisation } = phiOf({ coupling });
    expect(Math.abs(bits)).toBeLessThan(1e-12);
    expect(partition).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(normalisation).toBe('ENTROPY');
  });

  it('parts two tight groups at the weak link between them, also where that is not the first node', () => {
    const order = [0, 3, 1, 4, 2, 5];
    const group = (node: number) => (order.indexOf(node) < 3 ? 0 : 1);
    const coupling = buildMatrix(6, (row, column) => (group(row) === group(column) ? 0.25 : 0.01));
    expect(phiOf({ coupling }).partition).toEqual([
      [0, 1, 3],
      [2, 4, 5],
    ]);
  });

  it('is searched among all 4,095 of 13 nodes: one that is left out is found wherever it is', () => {
    for (const lonely of [0, 5, 12]) {
      const coupling = buildMatrix(13, (row, column) => (row === lonely || column === lonely ? 0 : 0.06));
      const { bits, partition } = phiOf({ coupling });
      expect(Math.abs(bits)).toBeLessThan(1e-9);
      expect(partition.find((part) => part.length === 1)).toEqual([lonely]);
    }
  });
});

describe('integration', () => {
  // Barrett and Seth (2011) show the Φ of such networks in figures, not in digits: only the order is asserted.
  it.each([3, 4, 6, 8])(
    'is greater in a loop of %d nodes than in a chain: two links are cut instead of one',
    (count) => {
      const loop = phiOf({ coupling: chain(count, 0.7, true) }).bits;
      const open = phiOf({ coupling: chain(count, 0.7, false) }).bits;
      expect(loop).toBeGreaterThan(1.2 * open);
      expect(open).toBeGreaterThan(0);
    },
  );

  it('grows with the coupling', () => {
    const values = [0.02, 0.05, 0.1].map((weight) => phiOf({ coupling: uniform(8, weight) }).bits);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });

  it('is not complexity: much entropy and much memory without coupling is none', () => {
    const coupling = buildMatrix(8, (row, column) => (row === column ? 0.3 + 0.08 * row : 0));
    const loud = identity(8).map((row, i) => row.map((value) => value * 1_000 ** i));
    expect(Math.abs(phiOf({ coupling, noise: loud }).bits)).toBeLessThan(1e-9);
  });
});

describe('what it refuses', () => {
  it.each([1, 65])('%d signals', (count) => {
    expect(() => phiOf({ coupling: buildMatrix(count, () => 0) })).toThrow(RangeError);
  });

  it('a covariance that is not positive definite', () => {
    const twin = noise(64, createRandom(1));
    const covariance = estimateLaggedCovariance([twin, twin.map((value) => -2 * value)], 1);
    expect(isRegular(covariance)).toBe(false);
    const indefinite = {
      ...covariance,
      matrix: covariance.matrix.map((entry, place) => (place % 5 ? entry : 0)),
    };
    expect(() => computeIntegratedInformation(indefinite)).toThrow(RangeError);
  });
});

it('compares by the greatest entropy where signals are so alike that a part has none', () => {
  const random = createRandom(3);
  const common = noise(400, random);
  const signals = Array.from({ length: 6 }, () => {
    const own = noise(400, random);
    return common.map((value, t) => value + 0.001 * (own[t] ?? 0));
  });
  const result: IntegratedInformation = computeIntegratedInformation(estimateLaggedCovariance(signals, 1));
  expect(result.normalisation).toBe('MAXIMUM_ENTROPY');
  expect(Number.isFinite(result.bits)).toBe(true);
});

describe('for any network', () => {
  /** Rows that sum to less than 0.9 in size: a stable network. */
  const network = fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer()).map(([count, seed]) => {
    const random = createRandom(seed);
    return buildMatrix(count, () => (0.9 * (2 * random() - 1)) / count);
  });

  it('does not depend on the order of the nodes', () => {
    fc.assert(
      fc.property(network, (coupling) => {
        const last = coupling.length - 1;
        const reversed = buildMatrix(
          coupling.length,
          (row, column) => coupling[last - row]?.[last - column] ?? 0,
        );
        const [one, other] = [phiOf({ coupling }), phiOf({ coupling: reversed })];
        expect(other.bits).toBeCloseTo(one.bits, 9);
      }),
      { numRuns: 60 },
    );
  });

  it('is never more than what the whole tells of its past', () => {
    fc.assert(
      fc.property(network, (coupling) => {
        const covariance = covarianceOf({ coupling });
        const { bits } = computeIntegratedInformation(covariance);
        expect(bits).toBeLessThanOrEqual(wholeOf(covariance.matrix, covariance.count) + 1e-9);
      }),
      { numRuns: 60 },
    );
  });
});

/** Mutual information of all variables now with all before, in bits, by determinants of the three blocks. */
function wholeOf(matrix: Float64Array, count: number): number {
  const block = (variables: readonly number[]) =>
    determinant(variables.map((row) => variables.map((column) => matrix[row * 2 * count + column] ?? 0)));
  const all = Array.from({ length: 2 * count }, (_, variable) => variable);
  const past = block(all.filter((variable) => variable % 2 === 0));
  const now = block(all.filter((variable) => variable % 2 === 1));
  return Math.log2((past * now) / block(all)) / 2;
}

/** By elimination with exchange of rows: not the way the code goes. */
function determinant(rows: number[][]): number {
  let product = 1;
  for (let step = 0; step < rows.length; step += 1) {
    const best = rows.slice(step).reduce((most, row) => Math.max(most, Math.abs(row[step] ?? 0)), 0);
    const place = rows.findIndex((row, i) => i >= step && Math.abs(row[step] ?? 0) === best);
    const pivotRow = rows[place] ?? [];
    if (place !== step) product *= -1;
    rows[place] = rows[step] ?? [];
    rows[step] = pivotRow;
    const pivot = pivotRow[step] ?? 0;
    product *= pivot;
    for (const row of rows.slice(step + 1)) {
      const factor = (row[step] ?? 0) / pivot;
      for (const [column, entry] of pivotRow.entries()) row[column] = (row[column] ?? 0) - factor * entry;
    }
  }
  return product;
}

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { computeIntegratedInformation } from '../../../../subgraphs/consciousness/metrics/integrated-information.js';
import { computePhiStar } from '../../../../subgraphs/consciousness/metrics/mismatched-decoding.js';
import { buildMatrix, chain, covarianceOf, identity, type Matrix } from '../support/autoregression.js';
import { createRandom } from '../support/waves.js';

const HALVES = [[0], [1]];

/** Information of a Gaussian signal with its past, in bits, by their correlation. */
const bitsOf = (correlation: number) => -Math.log2(1 - correlation ** 2) / 2;

const starOf = (coupling: Matrix, parts: readonly (readonly number[])[], noise?: Matrix) =>
  computePhiStar(covarianceOf({ coupling, ...(noise ? { noise } : {}) }), parts);

describe('Φ* of two nodes', () => {
  it.each([0.3, 1, 2])('is ½ log₂(1 + b²) when one without memory drives the other by %d', (b) => {
    // Neither part knows anything of its past, so the decoder is left with nothing: all of the information is Φ*.
    expect(
      starOf(
        [
          [0, 0],
          [b, 0],
        ],
        HALVES,
      ),
    ).toBeCloseTo(Math.log2(1 + b * b) / 2, 10);
  });

  it('is 0 without coupling, however much memory each has', () => {
    expect(
      starOf(
        [
          [0.9, 0],
          [0, -0.7],
        ],
        HALVES,
      ),
    ).toBeCloseTo(0, 10);
  });

  it.each([0.1, 0.25, 0.4])(
    'is the information of the sum less what is left to the best decoder, all weights %d',
    (a) => {
      // Sum and difference are the eigenvectors of everything: variances v and 1, autocorrelation 2a and 0; a node has the
      // variance m = (v + 1)/2 and the autocorrelation r = 2av/(v + 1), so the decoder's noise is m(1 − r²).
      const v = 1 / (1 - 4 * a * a);
      const m = (v + 1) / 2;
      const r = (2 * a * v) / (v + 1);
      const spreads = [v, 1].map((variance) => variance / (m * (1 - r * r)));
      const decoded = (beta: number) =>
        spreads
          .map((s) => Math.log(1 + beta * r * r * s) + (beta * s) / (1 + beta * r * r * s) - beta)
          .reduce((sum, term) => sum + term / 2, 0);
      const best = Math.max(...Array.from({ length: 40_001 }, (_, step) => decoded(step / 10_000)));
      const expected = bitsOf(2 * a) - best / Math.LN2;
      expect(
        starOf(
          buildMatrix(2, () => a),
          HALVES,
        ),
      ).toBeCloseTo(expected, 7);
      expect(expected).toBeGreaterThan(0);
    },
  );

  it('is not below 0 where whole minus sum is: their noise is nearly common', () => {
    const network = {
      coupling: buildMatrix(2, () => 0.4),
      noise: [
        [1, 0.9],
        [0.9, 1],
      ],
    };
    const covariance = covarianceOf(network);
    expect(computeIntegratedInformation(covariance).bits).toBeLessThan(0);
    const { bits, method } = computeIntegratedInformation(covariance, 'MISMATCHED_DECODING');
    expect(bits).toBeGreaterThan(0);
    expect(method).toBe('MISMATCHED_DECODING');
  });
});

describe('Φ* of larger networks', () => {
  it('is 0 at the cut between two halves that do not touch', () => {
    const coupling = buildMatrix(4, (row, column) =>
      row >> 1 === column >> 1 ? (row === column ? 0.2 : 0.5) : 0,
    );
    const { bits, partition, exact } = computeIntegratedInformation(
      covarianceOf({ coupling }),
      'MISMATCHED_DECODING',
    );
    expect(bits).toBeLessThan(1e-9);
    expect(partition).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(exact).toBe(true);
  });

  it('is greater in a loop than in a chain', () => {
    const of = (isLoop: boolean) =>
      computeIntegratedInformation(covarianceOf({ coupling: chain(6, 0.7, isLoop) }), 'MISMATCHED_DECODING')
        .bits;
    expect(of(true)).toBeGreaterThan(1.2 * of(false));
    expect(of(false)).toBeGreaterThan(0);
  });

  it('is not complexity: much entropy and much memory without coupling is none', () => {
    const coupling = buildMatrix(6, (row, column) => (row === column ? 0.3 + 0.1 * row : 0));
    const loud = identity(6).map((row, i) => row.map((value) => value * 1_000 ** i));
    const { bits } = computeIntegratedInformation(
      covarianceOf({ coupling, noise: loud }),
      'MISMATCHED_DECODING',
    );
    expect(bits).toBeLessThan(1e-9);
  });

  it('is looked for among the best candidates of more than eight signals, and says so', () => {
    const coupling = buildMatrix(13, (row, column) => (row === 5 || column === 5 ? 0 : 0.06));
    const { bits, partition, search, exact } = computeIntegratedInformation(
      covarianceOf({ coupling }),
      'MISMATCHED_DECODING',
    );
    expect(bits).toBeLessThan(1e-9);
    expect(partition.find((part) => part.length === 1)).toEqual([5]);
    expect({ search, exact }).toEqual({ search: 'BEST_CANDIDATES', exact: false });
  });

  it('lies between 0 and what the whole tells of its past, whatever the network', () => {
    const network = fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer()).map(([count, seed]) => {
      const random = createRandom(seed);
      return buildMatrix(count, () => (0.9 * (2 * random() - 1)) / count);
    });
    fc.assert(
      fc.property(network, (coupling) => {
        const covariance = covarianceOf({ coupling });
        const all = coupling.map((_, place) => place);
        const star = computePhiStar(covariance, [all.slice(0, 1), all.slice(1)]);
        // One decoder for the whole is the matched one: it loses nothing.
        expect(computePhiStar(covariance, [all])).toBeCloseTo(0, 8);
        // Every part on its own loses all that the whole can lose by one cut, and more.
        expect(star).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 40 },
    );
  });
});

import {
  MOST_SEARCHED,
  rankBipartitions,
  rankCuts,
  type Bipartition,
  type Normalisation,
} from './bipartitions.js';
import type { LaggedCovariance } from './lagged-covariance.js';
import { computePhiStar } from './mismatched-decoding.js';
import { orderBySpectrum } from './spectral-order.js';

/** Which integrated information: Φ_E of Barrett and Seth, or Φ* of Oizumi and others. */
export type PhiMethod = 'GAUSSIAN_WHOLE_MINUS_SUM' | 'MISMATCHED_DECODING';

/** How the bipartition was looked for. */
export type PartitionSearch = 'EXHAUSTIVE' | 'BEST_CANDIDATES' | 'SPECTRAL_BISECTION';

/** How much the whole tells of its own past beyond what its two parts tell of theirs. */
export interface IntegratedInformation {
  /** Bits. Of whole minus sum, below 0 where the parts tell the same thing twice. */
  readonly bits: number;
  /** The minimum information bipartition: the places of the signals in each part, the first signal in the first part. */
  readonly partition: readonly [readonly number[], readonly number[]];
  readonly normalisation: Normalisation;
  readonly method: PhiMethod;
  readonly search: PartitionSearch;
  /** Whether every bipartition was looked at, so that the least one is certainly this. */
  readonly exact: boolean;
}

/** The most signals: 64 nodes are the most that a network has. */
export const MOST_SIGNALS = 64;

/** The most signals for whose bipartitions Φ* is computed one by one: 127 of them. */
const MOST_DECODED = 8;

/** Beyond that, Φ* is computed for so many bipartitions, those that lose least by whole minus sum. */
const CANDIDATES = 24;

/**
 * Gaussian integrated information over the minimum information bipartition: the one whose information is least for its
 * weight, the smaller one of its parts' entropies.
 *
 * Whole minus sum (Φ_E): I(X(t−τ); X(t)) − Σₖ I(Mₖ(t−τ); Mₖ(t)); all bipartitions of up to 16 signals are searched, of more the
 * n − 1 cuts of a spectral order. Mismatched decoding (Φ*): all bipartitions of up to 8 signals, of more the 24 that lose least
 * by whole minus sum. `search` and `exact` tell which.
 *
 * Entropies depend on the unit of the signals: give standardised ones.
 *
 * Shape: the covariance of 2 to 64 signals, positive definite.
 * Errors: RangeError for another number of signals, or a covariance that is not positive definite.
 * Source: Barrett and Seth, Practical measures of integrated information for time-series data, PLoS Comput. Biol. 7 (2011)
 * e1001052, "empirical" Φ for stationary Gaussian systems; that it may be negative: Mediano, Seth, Barrett, Measuring
 * integrated information: comparison of candidate measures in theory and simulation, Entropy 21 (2019) 17.
 */
export function computeIntegratedInformation(
  covariance: LaggedCovariance,
  method: PhiMethod = 'GAUSSIAN_WHOLE_MINUS_SUM',
): IntegratedInformation {
  const { count } = covariance;
  if (count < 2 || count > MOST_SIGNALS)
    throw new RangeError(`expected 2 to ${MOST_SIGNALS} signals, got ${count}`);
  const isStar = method === 'MISMATCHED_DECODING';
  const { best, normalisation } =
    count <= MOST_SEARCHED
      ? rankBipartitions(covariance, isStar ? candidatesOf(count) : 1)
      : rankCuts(covariance, orderBySpectrum(covariance));
  const least = isStar ? leastDecoded(covariance, best) : best[0];
  if (!least) throw new RangeError('expected a positive definite covariance');
  const search = searchOf(count, method);
  return {
    bits: least.nats / Math.LN2,
    partition: least.parts,
    ...{ normalisation, method, search, exact: search === 'EXHAUSTIVE' },
  };
}

function candidatesOf(count: number): number {
  return count <= MOST_DECODED ? 2 ** (count - 1) - 1 : CANDIDATES;
}

function searchOf(count: number, method: PhiMethod): PartitionSearch {
  if (count > MOST_SEARCHED) return 'SPECTRAL_BISECTION';
  return method === 'MISMATCHED_DECODING' && count > MOST_DECODED ? 'BEST_CANDIDATES' : 'EXHAUSTIVE';
}

/** The bipartition with the least Φ* for its weight. */
function leastDecoded(
  covariance: LaggedCovariance,
  candidates: readonly Bipartition[],
): Bipartition | undefined {
  const decoded = candidates
    .slice(0, candidatesOf(covariance.count))
    .map(({ parts, weight }) => ({ parts, weight, nats: computePhiStar(covariance, parts) * Math.LN2 }));
  return decoded.reduce<Bipartition | undefined>(
    (least, one) => (least && least.nats / least.weight <= one.nats / one.weight ? least : one),
    undefined,
  );
}

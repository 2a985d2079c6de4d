import { GrowingCholesky } from './growing-cholesky.js';
import type { LaggedCovariance } from './lagged-covariance.js';

/** By what the information of a partition is divided before partitions are compared. */
export type Normalisation = 'ENTROPY' | 'MAXIMUM_ENTROPY';

/** How much the whole tells of its own past beyond what its two parts tell of theirs. */
export interface IntegratedInformation {
  /** Bits. Below 0 where the parts tell the same thing twice. */
  readonly bits: number;
  /** The minimum information bipartition: the places of the signals in each part, the first signal in the first part. */
  readonly partition: readonly [readonly number[], readonly number[]];
  readonly normalisation: Normalisation;
}

/** The most signals whose bipartitions are all searched: 32,767 of them. */
export const MOST_SIGNALS = 16;

/** Entropy of a Gaussian variable of variance 1, in nats. */
const UNIT_ENTROPY = Math.log(2 * Math.PI * Math.E) / 2;

/**
 * Gaussian integrated information Φ_E, whole minus sum: φ = I(X(t−τ); X(t)) − Σₖ I(Mₖ(t−τ); Mₖ(t)) over the two parts M₁ and
 * M₂ of a bipartition, where I = ½ ln(det Σ(past) · det Σ(now) / det Σ(past and now)). The bipartition is the one whose φ/K
 * is least, with K the smaller one of its parts' entropies; the φ of that one is Φ.
 *
 * Entropies depend on the unit of the signals: give standardised ones. Of closely correlated ones the entropy may be 0 or
 * less, where dividing by it has no meaning. Then all partitions are compared with K = the entropy that the smaller part
 * would have if its signals were independent, and `normalisation` says so.
 *
 * Shape: the covariance of 2 to 16 signals, positive definite; all 2^(n−1) − 1 bipartitions are searched.
 * Errors: RangeError for another number of signals, or a covariance that is not positive definite.
 * Source: Barrett and Seth, Practical measures of integrated information for time-series data, PLoS Comput. Biol. 7 (2011)
 * e1001052, "empirical" Φ for stationary Gaussian systems; that it may be negative: Mediano, Seth, Barrett, Measuring
 * integrated information: comparison of candidate measures in theory and simulation, Entropy 21 (2019) 17.
 */
export function computeIntegratedInformation(covariance: LaggedCovariance): IntegratedInformation {
  const { count } = covariance;
  if (count < 2 || count > MOST_SIGNALS)
    throw new RangeError(`expected 2 to ${MOST_SIGNALS} signals, got ${count}`);
  const table = tabulate(covariance);
  const byEntropy = table.leastEntropy > 0;
  const whole = 2 ** count - 1;
  let best = { score: Infinity, nats: NaN, part: 0 };
  // Parts that hold the first signal are odd numbers: so each bipartition comes once.
  for (let part = 1; part < whole; part += 2) {
    const nats = synergyOf(table, whole, part);
    const weight = byEntropy ? leastEntropyOf(table, whole, part) : UNIT_ENTROPY * smallerPart(part, count);
    if (nats / weight < best.score) best = { score: nats / weight, nats, part };
  }
  if (best.part === 0) throw new RangeError('expected a positive definite covariance');
  return {
    bits: best.nats / Math.LN2,
    partition: [membersOf(best.part, count), membersOf(whole - best.part, count)],
    normalisation: byEntropy ? 'ENTROPY' : 'MAXIMUM_ENTROPY',
  };
}

/** What each set of signals tells of its own past, and its entropy, in nats; sets are numbered by their bits. */
interface Table {
  readonly information: Float64Array;
  readonly entropy: Float64Array;
  /** The least entropy of any set that is neither empty nor the whole. */
  readonly leastEntropy: number;
}

function tabulate({ count, matrix }: LaggedCovariance): Table {
  const information = new Float64Array(2 ** count);
  const entropy = new Float64Array(2 ** count);
  const past = new GrowingCholesky(matrix, 2 * count);
  const now = new GrowingCholesky(matrix, 2 * count);
  const both = new GrowingCholesky(matrix, 2 * count);

  /** Adds each signal from `next` on to the set of those before, and goes on from there. */
  function visit(next: number, before: number, members: number): void {
    for (let signal = next; signal < count; signal += 1) {
      const set = before | (1 << signal);
      past.push(2 * signal);
      now.push(2 * signal + 1);
      both.push(2 * signal);
      both.push(2 * signal + 1);
      information[set] = (past.logDeterminant + now.logDeterminant - both.logDeterminant) / 2;
      entropy[set] = (members + 1) * UNIT_ENTROPY + now.logDeterminant / 2;
      visit(signal + 1, set, members + 1);
      past.pop();
      now.pop();
      both.pop();
      both.pop();
    }
  }

  visit(0, 0, 0);
  const leastEntropy = entropy.subarray(1, -1).reduce((least, value) => Math.min(least, value), Infinity);
  return { information, entropy, leastEntropy };
}

function synergyOf({ information }: Table, whole: number, part: number): number {
  return (information[whole] ?? NaN) - (information[part] ?? NaN) - (information[whole - part] ?? NaN);
}

function leastEntropyOf({ entropy }: Table, whole: number, part: number): number {
  return Math.min(entropy[part] ?? NaN, entropy[whole - part] ?? NaN);
}

function smallerPart(part: number, count: number): number {
  const members = membersOf(part, count).length;
  return Math.min(members, count - members);
}

function membersOf(part: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, signal) => signal).filter((signal) => part & (1 << signal));
}

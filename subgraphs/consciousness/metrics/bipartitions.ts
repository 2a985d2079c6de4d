import { GrowingCholesky } from './growing-cholesky.js';
import type { LaggedCovariance } from './lagged-covariance.js';

/** By what the information of a partition is divided before partitions are compared. */
export type Normalisation = 'ENTROPY' | 'MAXIMUM_ENTROPY';

/** Two parts of a network, and what their whole tells of its own past beyond what they tell of theirs. */
export interface Bipartition {
  /** Places of the signals in each part, ascending, the first signal in the first part. */
  readonly parts: readonly [readonly number[], readonly number[]];
  /** Whole minus sum, in nats. */
  readonly nats: number;
  /** By what it is divided before bipartitions are compared, in nats. */
  readonly weight: number;
}

/** Bipartitions of one network, the one with the least information for its weight first. */
export interface RankedBipartitions {
  readonly best: readonly Bipartition[];
  readonly normalisation: Normalisation;
}

/** The most signals whose bipartitions are all searched: 32,767 of them. */
export const MOST_SEARCHED = 16;

/** Entropy of a Gaussian variable of variance 1, in nats. */
const UNIT_ENTROPY = Math.log(2 * Math.PI * Math.E) / 2;

/**
 * Ranks all 2^(n−1) − 1 bipartitions of a network by φ/K, where φ = I(whole) − I(part 1) − I(part 2), with I = ½ ln(det Σ(past) ·
 * det Σ(now) / det Σ(past and now)), and K the smaller one of the parts' entropies. Entropies of closely correlated signals
 * may be 0 or less, where dividing by them has no meaning: then K is the entropy that the smaller part would have if its
 * signals were independent.
 *
 * Shape: the covariance of 2 to 16 signals. Returns the `keep` first ones; none when the covariance is not positive definite.
 * Source: Barrett and Seth, PLoS Comput. Biol. 7 (2011) e1001052, eq. 0.32 and "normalisation".
 */
export function rankBipartitions(covariance: LaggedCovariance, keep: number): RankedBipartitions {
  const { count } = covariance;
  const { information, entropy, leastEntropy } = tabulate(covariance);
  const byEntropy = leastEntropy > 0;
  const whole = 2 ** count - 1;
  const kept: Scored[] = [];
  // Parts that hold the first signal are odd numbers: so each bipartition comes once.
  for (let part = 1; part < whole; part += 2) {
    const rest = whole - part;
    const nats = at(information, whole) - at(information, part) - at(information, rest);
    const weight = byEntropy
      ? Math.min(at(entropy, part), at(entropy, rest))
      : UNIT_ENTROPY * Math.min(sizeOf(part), sizeOf(rest));
    keepBest(kept, { part, nats, weight, score: nats / weight }, keep);
  }
  return {
    best: kept.map(({ part, nats, weight }) => ({
      ...{ nats, weight },
      parts: [membersOf(part, count), membersOf(whole - part, count)],
    })),
    normalisation: byEntropy ? 'ENTROPY' : 'MAXIMUM_ENTROPY',
  };
}

interface Scored {
  readonly part: number;
  readonly nats: number;
  readonly weight: number;
  readonly score: number;
}

/** Keeps the so many bipartitions of the least score, in order; of equal ones those that came first. */
function keepBest(kept: Scored[], one: Scored, keep: number): void {
  const worst = kept.length < keep ? Infinity : (kept.at(-1)?.score ?? Infinity);
  // A score that is no number fails the comparison as well.
  if (!(one.score < worst)) return;
  if (kept.length >= keep) kept.pop();
  const place = kept.findIndex(({ score }) => one.score < score);
  kept.splice(place < 0 ? kept.length : place, 0, one);
}

function at(table: Float64Array, set: number): number {
  return table[set] ?? NaN;
}

/**
 * Ranks the n − 1 bipartitions that cut an order of the signals in two, likewise.
 *
 * Shape: the covariance of 2 to 127 signals, and their places in some order.
 */
export function rankCuts(covariance: LaggedCovariance, order: readonly number[]): RankedBipartitions {
  const { count } = covariance;
  const front = measurePrefixes(covariance, order);
  const back = measurePrefixes(covariance, order.toReversed());
  const whole = front.at(-1);
  if (!whole) return { best: [], normalisation: 'ENTROPY' };
  const byEntropy = [...front.slice(0, -1), ...back.slice(0, -1)].every(({ entropy }) => entropy > 0);
  const cuts = front.slice(0, -1).flatMap((one, place) => {
    const other = back[count - 2 - place];
    if (!other) return [];
    const nats = whole.information - one.information - other.information;
    const weight = byEntropy
      ? Math.min(one.entropy, other.entropy)
      : UNIT_ENTROPY * Math.min(place + 1, count - 1 - place);
    const halves = [order.slice(0, place + 1), order.slice(place + 1)].map((part) =>
      part.toSorted((a, b) => a - b),
    );
    const [first = [], second = []] = halves.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
    return Number.isNaN(nats) ? [] : [{ parts: [first, second] as const, nats, weight }];
  });
  return {
    best: cuts.sort((a, b) => a.nats / a.weight - b.nats / b.weight),
    normalisation: byEntropy ? 'ENTROPY' : 'MAXIMUM_ENTROPY',
  };
}

interface SetMeasure {
  /** What a set of signals tells of its own past, in nats. */
  readonly information: number;
  /** In nats. */
  readonly entropy: number;
}

/** The first signal of an order, the first two, and so on to all of them. */
function measurePrefixes({ count, matrix }: LaggedCovariance, order: readonly number[]): SetMeasure[] {
  const [past, now, both] = [0, 1, 2].map(() => new GrowingCholesky(matrix, 2 * count));
  if (!past || !now || !both) return [];
  return order.map((signal, place) => {
    past.push(2 * signal);
    now.push(2 * signal + 1);
    both.push(2 * signal);
    both.push(2 * signal + 1);
    return {
      information: (past.logDeterminant + now.logDeterminant - both.logDeterminant) / 2,
      entropy: (place + 1) * UNIT_ENTROPY + now.logDeterminant / 2,
    };
  });
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

function sizeOf(part: number): number {
  let [size, rest] = [0, part];
  for (; rest > 0; rest &= rest - 1) size += 1;
  return size;
}

function membersOf(part: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, signal) => signal).filter((signal) => part & (1 << signal));
}

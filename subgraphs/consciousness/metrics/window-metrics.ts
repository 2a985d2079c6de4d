import { createFourierTransform } from '../coherence/fourier-transform.js';
import { findPhasors } from '../coherence/phasors.js';
import { computeDistances, computeDivergence, distributeStates } from './divergence.js';
import { MOST_SIGNALS } from './integrated-information.js';
import { computeLevel, type Level } from './level.js';
import { estimateLaggedCovariance } from './lagged-covariance.js';
import { computeNodeIntegration } from './node-integration.js';
import { levelOfNode, measureMembers, type NodeNumbers } from './node-numbers.js';
import { estimatePhi, regularise, type PhiEstimate, type PhiOptions } from './phi-estimate.js';
import { measurePhaseSynchrony, type PairLocking } from './phase-synchrony.js';
import { computeStability } from './stability.js';
import { standardise } from './standardise.js';

/** Which number of a network's state is missing, and why. */
export interface MissingMetric {
  readonly metric: 'PHI' | 'COHERENCE' | 'STABILITY' | 'DIVERGENCE' | 'LEVEL';
  readonly code: 'TOO_FEW_SAMPLES' | 'TOO_FEW_SIGNALS' | 'TOO_MANY_SIGNALS' | 'NO_PHASE';
  /** What was expected and what came, for people. */
  readonly message: string;
}

/** The numbers of a network over one window; each is null when it is among the missing ones. */
export interface WindowMetrics {
  /** Places of the signals that move, in order: only they count. */
  readonly moving: readonly number[];
  /** Its partition is of places among all signals. */
  readonly phi: PhiEstimate | null;
  readonly coherence: number | null;
  readonly stability: number | null;
  readonly divergence: number | null;
  readonly level: Level | null;
  /** Of places among all signals. */
  readonly pairs: readonly PairLocking[];
  /** One for each signal that moves, with its place among all signals. */
  readonly nodes: readonly (NodeNumbers & { readonly place: number })[];
  readonly missing: readonly MissingMetric[];
}

/** The share of a window at each of its ends whose phases are not trusted, as in the coherence of samples. */
const UNTRUSTED_SHARE = 1 / 8;

/**
 * Measures the signals of a network over one window: Φ, R (averaged over the window without its outer eighths), S, D, C,
 * the phase locking of each pair, and each signal's own part in them. A straight line is taken out of each signal first, and
 * its size: units do not matter. Signals that do not move are left out. Φ needs 2 to 64 signals, the rest two at least.
 *
 * Shape: signals of one length, equally spaced, oldest value first; longer than the lag by two at least.
 * Source: each number's own file.
 */
export function measureWindow(signals: readonly Float64Array[], options: PhiOptions): WindowMetrics {
  const members = signals.flatMap((signal, place) => {
    const standard = standardise(signal);
    return standard ? [{ place, standard }] : [];
  });
  const places = members.map(({ place }) => place);
  if (members.length < 2) return missAll('TOO_FEW_SIGNALS', describeTooFew(members.length), places);
  const standards = members.map(({ standard }) => standard);
  const missing: MissingMetric[] = [];

  const phi = members.length > MOST_SIGNALS ? null : estimatePhi(standards, options);
  if (phi === null) missing.push(...missingPhi(members.length));
  const synchrony = measureSynchrony(standards);
  const coherence = meanOf(synchrony.orders);
  if (coherence === null) missing.push(...missingPhases());
  const stability = coherence === null ? null : computeStability(synchrony.orders);
  const distributions = standards.map(distributeStates);
  const distances = computeDistances(distributions);
  const divergence = computeDivergence(distributions);
  const level =
    phi === null || coherence === null || stability === null
      ? null
      : {
          ...computeLevel({ phi: phi.bits, coherence, stability, divergence }),
          significant: phi.significant,
        };
  const integration = phi && integrationOf(standards, { lag: options.lag, shrinkage: phi.shrinkage });
  const toPlace = (member: number) => places[member] ?? member;
  return {
    ...{ moving: places, coherence, stability, divergence, level },
    phi: phi && { ...phi, partition: [phi.partition[0].map(toPlace), phi.partition[1].map(toPlace)] },
    pairs: synchrony.pairs.map(({ a, b, locking }) => ({ a: toPlace(a), b: toPlace(b), locking })),
    nodes: synchrony.members.map((member, i) => {
      const numbers = { ...member, phi: integration?.[i] ?? null, divergence: distances[i] ?? null };
      return { place: toPlace(i), ...numbers, level: levelOfNode(numbers) };
    }),
    missing,
  };
}

/** Of the same covariance as Φ. */
function integrationOf(
  standards: readonly Float64Array[],
  { lag, shrinkage }: { readonly lag: number; readonly shrinkage: number },
): Float64Array {
  return computeNodeIntegration(regularise(estimateLaggedCovariance(standards, lag), shrinkage).covariance);
}

/** What there is to tell of a window of which nothing can be measured. */
export function missAll(
  code: MissingMetric['code'],
  message: string,
  moving: readonly number[] = [],
): WindowMetrics {
  const metrics = ['PHI', 'COHERENCE', 'STABILITY', 'DIVERGENCE', 'LEVEL'] as const;
  return {
    ...{ moving, phi: null, coherence: null, stability: null, divergence: null, level: null, pairs: [] },
    nodes: [],
    missing: metrics.map((metric) => ({ metric, code, message })),
  };
}

function measureSynchrony(standards: readonly Float64Array[]) {
  const length = standards[0]?.length ?? 0;
  const fourier = createFourierTransform(length);
  const none = { cosines: new Float64Array(length), sines: new Float64Array(length) };
  const phases = standards.map((signal) => findPhasors(signal, fourier) ?? none);
  const untrusted = Math.floor(length * UNTRUSTED_SHARE);
  const trusted = { from: untrusted, to: length - untrusted };
  return { ...measurePhaseSynchrony(phases, trusted), members: measureMembers(phases, trusted) };
}

function meanOf(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function describeTooFew(count: number): string {
  return `expected at least two signals that move, got ${count}. Give more nodes a signal, or wait until theirs moves.`;
}

function missingPhi(count: number): MissingMetric[] {
  const message = `expected at most ${MOST_SIGNALS} signals that move, got ${count}.`;
  return [
    { metric: 'PHI', code: 'TOO_MANY_SIGNALS', message },
    { metric: 'LEVEL', code: 'TOO_MANY_SIGNALS', message },
  ];
}

function missingPhases(): MissingMetric[] {
  const message = 'expected an instant at which two signals have a phase, got none.';
  return (['COHERENCE', 'STABILITY', 'LEVEL'] as const).map((metric) => ({
    metric,
    code: 'NO_PHASE',
    message,
  }));
}

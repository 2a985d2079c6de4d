import { createFourierTransform } from '../coherence/fourier-transform.js';
import { findPhasors, toPhasors } from '../coherence/phasors.js';
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

/** What a window is measured with. */
export interface WindowOptions extends Omit<PhiOptions, 'sampled'> {
  /**
   * Phases that are known, in radians: one array for each signal and as long, undefined where they are not. The analytic signal
   * is used for those. None by default.
   */
  readonly phases?: readonly (Float64Array | undefined)[];
}

/** The numbers of a network over one window; each is null when it is among the missing ones. */
export interface WindowMetrics {
  /** Places of the signals that move, in order: only they count for Φ and D. */
  readonly moving: readonly number[];
  /** Places of the signals whose phases are given, in order: they count for R, S and the pairs even where they do not move. */
  readonly given: readonly number[];
  /** Its partition is of places among all signals. */
  readonly phi: PhiEstimate | null;
  readonly coherence: number | null;
  readonly stability: number | null;
  readonly divergence: number | null;
  readonly level: Level | null;
  /** Of places among all signals. */
  readonly pairs: readonly PairLocking[];
  /** One for each signal that moves or has its phases given, with its place among all signals. */
  readonly nodes: readonly (NodeNumbers & { readonly place: number })[];
  readonly missing: readonly MissingMetric[];
}

/** The share of a window at each of its ends whose phases are not trusted, as in the coherence of samples. */
const UNTRUSTED_SHARE = 1 / 8;

/** A signal that counts. */
interface Member {
  readonly place: number;
  /** Undefined when it does not move. */
  readonly standard: Float64Array | undefined;
  readonly given: Float64Array | undefined;
}

/**
 * Measures the signals of a network over one window: Φ, R (averaged over the window), S, D, C, the phase locking of each pair,
 * and each signal's own part in them. A straight line is taken out of each signal first, and its size: units do not matter. So
 * the states that D compares are of each signal's own mean and spread: its shape, not its level.
 * Φ and D are of the signals that move, 2 to 64 for Φ and two at least for D. R, S and the pairs are of the phases, two at least:
 * those that are given as they are, whatever the values, and for the other signals that move those of the analytic signal. The
 * outer eighths of the window, where these are not to be trusted, do not count then for any phase.
 *
 * Shape: signals of one length, equally spaced, oldest value first; longer than the lag by two at least.
 * Source: each number's own file.
 */
export function measureWindow(signals: readonly Float64Array[], options: WindowOptions): WindowMetrics {
  const members = signals.flatMap((signal, place): Member[] => {
    const [standard, given] = [standardise(signal), options.phases?.[place]];
    return standard || given ? [{ place, standard, given }] : [];
  });
  const moving = members.flatMap(({ place, standard }) => (standard ? [{ place, standard }] : []));
  const given = members.flatMap((member) => (member.given ? [member.place] : []));
  const places = { moving: moving.map(({ place }) => place), given };
  if (members.length < 2) return missAll('TOO_FEW_SIGNALS', describeTooFew(members.length), places);

  const sampled = moving.map(({ place }) => signals[place]);
  const shape = measureShape(moving, { ...options, sampled });
  const synchrony = measureSynchrony(members);
  const coherence = meanOf(synchrony.orders);
  const stability = coherence === null ? null : computeStability(synchrony.orders);
  const { phi, divergence } = shape;
  const level =
    phi === null || divergence === null || coherence === null || stability === null
      ? null
      : {
          ...computeLevel({ phi: phi.bits, coherence, stability, divergence }),
          significant: phi.significant,
        };
  const toPlace = (member: number) => members[member]?.place ?? member;
  return {
    ...{ ...places, coherence, stability, divergence, level, phi },
    pairs: synchrony.pairs.map(({ a, b, locking }) => ({ a: toPlace(a), b: toPlace(b), locking })),
    nodes: synchrony.members.map((member, i) => {
      const place = toPlace(i);
      const numbers = { ...member, ...(shape.members.get(place) ?? { phi: null, divergence: null }) };
      return { place, ...numbers, level: levelOfNode(numbers) };
    }),
    missing: listMissing(moving.length, { phi, divergence, coherence }),
  };
}

/** What the values of the signals that move tell, of the whole and by the place of each. */
function measureShape(
  moving: readonly { readonly place: number; readonly standard: Float64Array }[],
  options: PhiOptions,
): Pick<WindowMetrics, 'phi' | 'divergence'> & { readonly members: ReadonlyMap<number, Shape> } {
  if (moving.length < 2) return { phi: null, divergence: null, members: new Map<number, Shape>() };
  const standards = moving.map(({ standard }) => standard);
  const phi = moving.length > MOST_SIGNALS ? null : estimatePhi(standards, options);
  const integration = phi && integrationOf(standards, { lag: options.lag, shrinkage: phi.shrinkage });
  const distributions = standards.map(distributeStates);
  const distances = computeDistances(distributions);
  const toPlace = (member: number) => moving[member]?.place ?? member;
  return {
    phi: phi && {
      ...phi,
      partition: [phi.partition[0].map(toPlace), phi.partition[1].map(toPlace)] as const,
    },
    divergence: computeDivergence(distributions),
    members: new Map(
      moving.map(({ place }, i): [number, Shape] => [
        place,
        { phi: integration?.[i] ?? null, divergence: distances[i] ?? null },
      ]),
    ),
  };
}

type Shape = Pick<NodeNumbers, 'phi' | 'divergence'>;

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
  { moving, given }: Pick<WindowMetrics, 'moving' | 'given'> = { moving: [], given: [] },
): WindowMetrics {
  return {
    ...{
      moving,
      given,
      phi: null,
      coherence: null,
      stability: null,
      divergence: null,
      level: null,
      pairs: [],
    },
    nodes: [],
    missing: miss(code, message, ['PHI', 'COHERENCE', 'STABILITY', 'DIVERGENCE', 'LEVEL']),
  };
}

function measureSynchrony(members: readonly Member[]) {
  const length = members[0]?.given?.length ?? members[0]?.standard?.length ?? 0;
  const fourier = createFourierTransform(length);
  const none = { cosines: new Float64Array(length), sines: new Float64Array(length) };
  const phases = members.map(({ standard, given }) => {
    if (given) return toPhasors(given);
    return (standard && findPhasors(standard, fourier)) ?? none;
  });
  const untrusted = members.every(({ given }) => given) ? 0 : Math.floor(length * UNTRUSTED_SHARE);
  const trusted = { from: untrusted, to: length - untrusted };
  return { ...measurePhaseSynchrony(phases, trusted), members: measureMembers(phases, trusted) };
}

function meanOf(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function describeTooFew(count: number): string {
  return `expected at least two signals that move, got ${count}. Give more nodes a signal, or wait until theirs moves.`;
}

function listMissing(
  moving: number,
  { phi, divergence, coherence }: Pick<WindowMetrics, 'phi' | 'divergence' | 'coherence'>,
): MissingMetric[] {
  const found: MissingMetric[] = [];
  if (divergence === null)
    found.push(...miss('TOO_FEW_SIGNALS', describeTooFew(moving), ['PHI', 'DIVERGENCE']));
  else if (phi === null) found.push(...miss('TOO_MANY_SIGNALS', describeTooMany(moving), ['PHI']));
  if (coherence === null) found.push(...miss('NO_PHASE', NO_PHASE, ['COHERENCE', 'STABILITY']));
  // Its reason is the first one.
  const [first] = found;
  return first ? [...found, { ...first, metric: 'LEVEL' }] : [];
}

const NO_PHASE = 'expected an instant at which two signals have a phase, got none.';

function describeTooMany(count: number): string {
  return `expected at most ${MOST_SIGNALS} signals that move, got ${count}.`;
}

function miss(
  code: MissingMetric['code'],
  message: string,
  metrics: readonly MissingMetric['metric'][],
): MissingMetric[] {
  return metrics.map((metric) => ({ metric, code, message }));
}

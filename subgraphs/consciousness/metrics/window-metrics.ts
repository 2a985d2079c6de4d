import { createFourierTransform } from '../coherence/fourier-transform.js';
import { findPhasors } from '../coherence/phasors.js';
import { computeDivergence, distributeStates } from './divergence.js';
import { MOST_SIGNALS } from './integrated-information.js';
import { computeLevel, type Level } from './level.js';
import { estimatePhi, type PhiEstimate, type PhiOptions } from './phi-estimate.js';
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
  readonly missing: readonly MissingMetric[];
}

/** The share of a window at each of its ends whose phases are not trusted, as in the coherence of samples. */
const UNTRUSTED_SHARE = 1 / 8;

/**
 * Measures the signals of a network over one window: Φ, R (averaged over the window without its outer eighths), S, D, C,
 * and the phase locking of each pair. A straight line is taken out of each signal first, and its size: units do not
 * matter. Signals that do not move are left out. Φ needs 2 to 16 signals, the rest two at least.
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
  if (phi === null) missing.push(...missing16(members.length));
  const synchrony = measureSynchrony(standards);
  const coherence = meanOf(synchrony.orders);
  if (coherence === null) missing.push(...missingPhases());
  const stability = coherence === null ? null : computeStability(synchrony.orders);
  const divergence = computeDivergence(standards.map(distributeStates));
  const level =
    phi === null || coherence === null || stability === null
      ? null
      : computeLevel({ phi: phi.bits, coherence, stability, divergence });
  const toPlaces = (part: readonly number[]) => part.map((member) => places[member] ?? member);
  return {
    ...{ moving: places, coherence, stability, divergence, level },
    phi: phi && { ...phi, partition: [toPlaces(phi.partition[0]), toPlaces(phi.partition[1])] },
    pairs: synchrony.pairs.map(({ a, b, locking }) => ({
      a: places[a] ?? a,
      b: places[b] ?? b,
      locking,
    })),
    missing,
  };
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
    missing: metrics.map((metric) => ({ metric, code, message })),
  };
}

function measureSynchrony(standards: readonly Float64Array[]) {
  const length = standards[0]?.length ?? 0;
  const fourier = createFourierTransform(length);
  const none = { cosines: new Float64Array(length), sines: new Float64Array(length) };
  const phases = standards.map((signal) => findPhasors(signal, fourier) ?? none);
  const untrusted = Math.floor(length * UNTRUSTED_SHARE);
  return measurePhaseSynchrony(phases, { from: untrusted, to: length - untrusted });
}

function meanOf(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function describeTooFew(count: number): string {
  return `expected at least two signals that move, got ${count}. Give more nodes a signal, or wait until theirs moves.`;
}

function missing16(count: number): MissingMetric[] {
  const message = `expected at most ${MOST_SIGNALS} signals that move, whose bipartitions can all be searched, got ${count}.`;
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

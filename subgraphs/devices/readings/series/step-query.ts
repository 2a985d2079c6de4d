import { AegisError } from '../../../../kernel/errors/aegis-error.js';

/** What of the readings of a step is wanted. */
export type Aggregate = 'AVG' | 'MIN' | 'MAX' | 'SUM' | 'COUNT' | 'LAST';

/** What a series is made from: the readings, or their roll-ups of a minute or an hour. */
export type Resolution = 'RAW' | 'MINUTE' | 'HOUR';

/** Over what, in which steps and how a series is aggregated. */
export interface StepQuery {
  /** Milliseconds since 1970: a whole number of steps. */
  readonly fromMs: number;
  /** Itself outside; a whole number of steps. */
  readonly toMs: number;
  readonly stepMs: number;
  readonly aggregate: Aggregate;
  readonly resolution: Resolution;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LONGEST_STEP_MS = 10_000 * DAY_MS;

/** Steps that people think in, in milliseconds. */
const HANDY_STEPS_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * DAY_MS),
];

/** The most points of one series. */
export const MAX_STEPS = 10_000;

/** What is asked of a series in steps. */
export interface StepRequest {
  readonly from: Date;
  /** Itself outside. */
  readonly to: Date;
  readonly stepMs: number;
  readonly aggregate: Aggregate;
  /** The most points that each series may have, at most {@link MAX_STEPS}. */
  readonly maxPoints: number;
}

/**
 * Checks in which steps a series is wanted, widens its range to whole steps (counted from 1970 in UTC), and finds the
 * coarsest that serves them.
 *
 * Errors: BAD_USER_INPUT; of steps that are too many it names the least step that is not.
 */
export function checkStepQuery({ from, to, stepMs, aggregate, maxPoints }: StepRequest): StepQuery {
  if (!Number.isInteger(stepMs) || stepMs < 1 || stepMs > LONGEST_STEP_MS) {
    throw refuse(`stepMs: expected a whole number of milliseconds, 1 to ${LONGEST_STEP_MS}, got ${stepMs}`);
  }
  if (!(from.getTime() < to.getTime())) {
    const range = `${from.toISOString()} to ${to.toISOString()}`;
    throw refuse(`range: expected a beginning before the end, got ${range}`);
  }
  const fromMs = Math.floor(from.getTime() / stepMs) * stepMs;
  const toMs = Math.ceil(to.getTime() / stepMs) * stepMs;
  const points = (toMs - fromMs) / stepMs;
  if (points > maxPoints) {
    throw refuse(
      `stepMs: ${stepMs} makes ${points} points of the range, where at most ${maxPoints} are given; ` +
        `ask for ${leastStep(toMs - fromMs, maxPoints)} or more, or for a shorter range`,
    );
  }
  return { fromMs, toMs, stepMs, aggregate, resolution: resolutionOf(stepMs) };
}

function resolutionOf(stepMs: number): Resolution {
  if (stepMs % HOUR_MS === 0) return 'HOUR';
  return stepMs % MINUTE_MS === 0 ? 'MINUTE' : 'RAW';
}

/** The least step, of those that people think in, with which a range has no more points, however it lies. */
function leastStep(spanMs: number, maxPoints: number): number {
  // One step is left over for the two ends that the range is widened by.
  const least = spanMs / Math.max(1, maxPoints - 2);
  return HANDY_STEPS_MS.find((stepMs) => stepMs >= least) ?? Math.ceil(least / DAY_MS) * DAY_MS;
}

function refuse(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', `${message}.`);
}

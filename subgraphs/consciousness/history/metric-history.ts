import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { HistoryPoint } from './history-point.js';
import { HOUR_MS, MINUTE_MS, type Rollups, type Span } from '../storage/rollups.js';

export type HistoryStep = 'UPDATE' | 'MINUTE' | 'HOUR';

/** The numbers over a stretch of time. */
export interface MetricHistory extends Span {
  readonly step: HistoryStep;
  readonly points: HistoryPoint[];
  /** Whether there were more: the newest are left out. */
  readonly truncated: boolean;
}

/** The most points of one answer. */
export const MOST_POINTS = 5_000;

/** With so many points or fewer a step is fine enough when none is asked for. */
const FITTING_POINTS = 1_500;

/** Updates come five times a second at most. */
const UPDATE_MS = 200;

/**
 * Reads the numbers over a stretch of time, by the step that is asked for, or the finest that fits and
 * still is there from the beginning.
 *
 * Errors: BAD_USER_INPUT when the end is not behind the beginning, or the stretch is too long for the step.
 */
export async function readHistory(
  rollups: Rollups,
  { from, to, step: wanted }: Span & { readonly step?: HistoryStep | null | undefined },
): Promise<MetricHistory> {
  const lengthMs = to.getTime() - from.getTime();
  if (lengthMs <= 0) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `range: expected an end behind ${from.toISOString()}, got ${to.toISOString()}.`,
    );
  }
  const step = wanted ?? (await chooseStep(rollups, { from, to }));
  if (step === 'UPDATE') {
    const points = await rollups.readUpdates({ from, to }, MOST_POINTS + 1);
    return { from, to, step, points: points.slice(0, MOST_POINTS), truncated: points.length > MOST_POINTS };
  }
  const most = MOST_POINTS * (step === 'MINUTE' ? MINUTE_MS : HOUR_MS);
  // Whoever asks for more gets the oldest part, and is told: the rest is asked for from there.
  const end = new Date(Math.min(to.getTime(), from.getTime() + most));
  const points = await rollups.readSteps(step, { from, to: end });
  return { from, to, step, points: points.slice(0, MOST_POINTS), truncated: end < to };
}

async function chooseStep(rollups: Rollups, { from, to }: Span): Promise<HistoryStep> {
  const lengthMs = to.getTime() - from.getTime();
  if (lengthMs <= FITTING_POINTS * UPDATE_MS && !(await rollups.isPruned(from))) return 'UPDATE';
  return lengthMs <= FITTING_POINTS * MINUTE_MS ? 'MINUTE' : 'HOUR';
}

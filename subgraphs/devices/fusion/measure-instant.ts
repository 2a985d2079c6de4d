import type { AlignedInput, Estimate, Measurement } from './fusion-step.js';
import { fuseByInverseVariance } from './inverse-variance.js';

/** What devices say together, and how long before the instant they said it. */
export interface AgedMeasurement extends Measurement {
  /** In seconds, 0 or more. */
  readonly ageSeconds: number;
}

/**
 * Makes one measurement of what is new at an instant: the inverse-variance weighting of all, measured at the equally
 * weighted mean of their times, which on a straight line is exactly where the line was then.
 *
 * Shape: the inputs of an instant and that instant, in milliseconds, in; the estimate of the weighting out, and the
 * measurement, which is undefined without inputs.
 */
export function measureInstant(
  inputs: readonly AlignedInput[],
  atMs: number,
): { readonly estimate: Estimate; readonly measured: AgedMeasurement | undefined } {
  const estimate = fuseByInverseVariance(inputs);
  const ages = inputs.map((input) => ({ ...input, value: Math.max(0, atMs - input.sourceAtMs) / 1_000 }));
  const { value, variance } = estimate;
  const { value: ageSeconds } = fuseByInverseVariance(ages);
  const measured =
    value === null || variance === null || ageSeconds === null ? undefined : { value, variance, ageSeconds };
  return { estimate, measured };
}

import type { FusionMemory, FusionStep } from './fusion-step.js';
import { fuseByInverseVariance } from './inverse-variance.js';

export interface LevelFilterOptions {
  /** How fast the level may wander: variance gained per second, in unit²/s; 0 for a constant. */
  readonly driftVariance: number;
  /** The distance of two instants of the grid, in seconds. */
  readonly stepSeconds: number;
  /** Where it keeps its state; nothing is in it before the first inputs. */
  readonly memory?: FusionMemory;
}

/**
 * Makes a Kalman filter of a level that wanders at random: x(k+1) = x(k) + w, var(w) = `driftVariance` · step. The first
 * inputs are its beginning; from then on each step predicts, and then corrects by what the devices say, one combined
 * measurement of the inverse-variance weighting of all (which is the same as correcting by one after the other).
 *
 * Shape: the inputs of an instant in, the estimate out; without inputs the prediction, and before the first ones no
 * value. Units: value in the inputs' unit, variance in unit².
 * Source: Welch & Bishop, An Introduction to the Kalman Filter (2006), §1.3 and §3 (estimating a random constant);
 * Bar-Shalom, Li, Kirubarajan (2001), §5.2.
 */
export function createLevelFilter({
  driftVariance,
  stepSeconds,
  memory = {},
}: LevelFilterOptions): FusionStep {
  const growth = driftVariance * stepSeconds;

  return (inputs) => {
    const measured = fuseByInverseVariance(inputs);
    let state = memory.level;
    const predicted = state && { level: state.level, variance: state.variance + growth };
    if (measured.value === null || measured.variance === null) state = predicted;
    else if (!predicted) state = { level: measured.value, variance: measured.variance };
    else {
      const gain = predicted.variance / (predicted.variance + measured.variance);
      state = {
        level: predicted.level + gain * (measured.value - predicted.level),
        variance: gain * measured.variance,
      };
    }
    if (state) memory.level = state;
    return { ...measured, value: state?.level ?? null, variance: state?.variance ?? null };
  };
}

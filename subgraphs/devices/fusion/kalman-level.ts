import type { FusionMemory, FusionStep } from './fusion-step.js';
import { measureInstant, type AgedMeasurement } from './measure-instant.js';

type Level = NonNullable<FusionMemory['level']>;

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
 * inputs are its beginning; from then on each step predicts to the time of the measurement, corrects by what the devices
 * say, one combined measurement of the inverse-variance weighting of all (which is the same as correcting by one after the
 * other), and predicts from there to the instant. One that comes more than a step late counts as one step old.
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
  return (inputs, atMs) => {
    const { estimate, measured } = measureInstant(inputs, atMs);
    const state = advance(memory.level, measured, { driftVariance, stepSeconds });
    if (state) memory.level = state;
    return { ...estimate, value: state?.level ?? null, variance: state?.variance ?? null };
  };
}

function advance(
  former: FusionMemory['level'],
  measured: AgedMeasurement | undefined,
  { driftVariance, stepSeconds }: Omit<LevelFilterOptions, 'memory'>,
): FusionMemory['level'] {
  if (!measured) return former && grow(former, driftVariance * stepSeconds);
  if (!former) {
    return grow({ level: measured.value, variance: measured.variance }, driftVariance * measured.ageSeconds);
  }
  const ageSeconds = Math.min(measured.ageSeconds, stepSeconds);
  const { level, variance } = grow(former, driftVariance * (stepSeconds - ageSeconds));
  const gain = variance / (variance + measured.variance);
  const corrected = {
    level: level + gain * (measured.value - level),
    variance: gain * measured.variance,
  };
  return grow(corrected, driftVariance * ageSeconds);
}

function grow({ level, variance }: Level, by: number): Level {
  return { level, variance: variance + by };
}

import type {
  BegunMotion,
  FusionMemory,
  FusionStep,
  Measurement,
  Motion,
  MotionPhase,
} from './fusion-step.js';
import { measureInstant, type AgedMeasurement } from './measure-instant.js';

export interface VelocityFilterOptions {
  /** Variance of the acceleration, which is constant during a step and independent of the others, in unit²/s⁴. */
  readonly accelerationVariance: number;
  /** The distance of two instants of the grid, in seconds. */
  readonly stepSeconds: number;
  /** Where it keeps its state; nothing is in it before the first inputs. */
  readonly memory?: FusionMemory;
}

/** The least time between two measurements that make a velocity, in steps: nearer ones tell more of their noise. */
const SMALLEST_SPAN = 0.5;

/**
 * Makes a Kalman filter of a value that moves at a nearly constant velocity, disturbed by discrete white noise
 * acceleration. It begins by differencing its first two measurements that are at least half a step apart; from then on
 * each step predicts to the time of the measurement, corrects by what the devices say, one combined measurement of the
 * inverse-variance weighting of all, and predicts from there to the instant. One that comes more than a step late counts
 * as one step old.
 *
 * Shape: the inputs of an instant in, the estimate of the value out. Without inputs it is the prediction; there is none
 * before the first measurement, nor after it, but at its own time, before the second, when nothing is known of the
 * velocity. Units: value in the inputs' unit, variance in unit², velocity inside in unit/s.
 * Source: Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and Navigation (2001), §5.2 (filter),
 * §5.5 (initiation), §6.3.2 (model: Q = σₐ² · [T⁴/4, T³/2; T³/2, T²]).
 */
export function createVelocityFilter(options: VelocityFilterOptions): FusionStep {
  const { memory = {} } = options;
  return (inputs, atMs) => {
    const { estimate, measured } = measureInstant(inputs, atMs);
    const phase = advance(memory.motion, measured, options);
    if (phase) memory.motion = phase;
    return { ...estimate, ...shown(phase) };
  };
}

function advance(
  phase: MotionPhase | undefined,
  measured: AgedMeasurement | undefined,
  options: VelocityFilterOptions,
): MotionPhase | undefined {
  if (phase?.kind === 'MOVING') return { kind: 'MOVING', motion: move(phase.motion, measured, options) };
  if (phase?.kind === 'BEGUN') return measured ? moveFrom(phase, measured, options) : wait(phase, options);
  return measured && begin(measured, measured.ageSeconds);
}

function move(
  motion: Motion,
  measured: AgedMeasurement | undefined,
  { accelerationVariance, stepSeconds }: VelocityFilterOptions,
): Motion {
  if (!measured) return predict(motion, stepSeconds, accelerationVariance);
  const ageSeconds = Math.min(measured.ageSeconds, stepSeconds);
  const predicted = predict(motion, stepSeconds - ageSeconds, accelerationVariance);
  return predict(correct(predicted, measured), ageSeconds, accelerationVariance);
}

/** Makes a velocity of two measurements; of two that are too near one, at the weighted mean of their times. */
function moveFrom(
  phase: BegunMotion,
  measured: AgedMeasurement,
  { accelerationVariance, stepSeconds }: VelocityFilterOptions,
): MotionPhase {
  const ageSeconds = Math.min(measured.ageSeconds, stepSeconds);
  const { first, seconds, disturbance } = wait(phase, { stepSeconds: stepSeconds - ageSeconds });
  if (seconds < SMALLEST_SPAN * stepSeconds) {
    const share = first.variance / (first.variance + measured.variance);
    const value = first.value + share * (measured.value - first.value);
    return begin({ value, variance: share * measured.variance }, ageSeconds + (1 - share) * seconds);
  }
  const noise = (accelerationVariance * disturbance) / seconds ** 2;
  const motion = difference(first, measured, { seconds, noise });
  return { kind: 'MOVING', motion: predict(motion, ageSeconds, accelerationVariance) };
}

function begin({ value, variance }: Measurement, ageSeconds: number): BegunMotion {
  const begun = { kind: 'BEGUN', first: { value, variance }, seconds: 0, disturbance: 0 } as const;
  return wait(begun, { stepSeconds: ageSeconds });
}

/**
 * Lets time go by without a measurement. An acceleration a of T seconds ends as a velocity of a·T. When b seconds have
 * gone by before it, and n are differenced in all, the mean velocity misses a·T·(T/2 + b)/n of that: its variance is the
 * sum of σₐ²T²(T/2 + b)²/n², in n steps of T each σₐ²T²(4n² − 1)/(12n).
 */
function wait(
  { kind, first, seconds, disturbance }: BegunMotion,
  { stepSeconds }: Pick<VelocityFilterOptions, 'stepSeconds'>,
): BegunMotion {
  return {
    ...{ kind, first },
    seconds: seconds + stepSeconds,
    disturbance: disturbance + stepSeconds ** 2 * (stepSeconds / 2 + seconds) ** 2,
  };
}

function shown(phase: MotionPhase | undefined): {
  readonly value: number | null;
  readonly variance: number | null;
} {
  if (phase?.kind === 'MOVING') return { value: phase.motion.value, variance: phase.motion.variance };
  // Where it was is known; where it has gone to since is not.
  return phase?.seconds === 0 ? phase.first : { value: null, variance: null };
}

function difference(
  first: Measurement,
  second: Measurement,
  { seconds, noise }: { readonly seconds: number; readonly noise: number },
): Motion {
  return {
    value: second.value,
    velocity: (second.value - first.value) / seconds,
    variance: second.variance,
    cross: second.variance / seconds,
    velocityVariance: (first.variance + second.variance) / seconds ** 2 + noise,
  };
}

function predict(motion: Motion, step: number, accelerationVariance: number): Motion {
  const { value, velocity, variance, cross, velocityVariance } = motion;
  return {
    value: value + velocity * step,
    velocity,
    variance:
      variance + 2 * step * cross + step ** 2 * velocityVariance + (accelerationVariance * step ** 4) / 4,
    cross: cross + step * velocityVariance + (accelerationVariance * step ** 3) / 2,
    velocityVariance: velocityVariance + accelerationVariance * step ** 2,
  };
}

function correct(predicted: Motion, measured: Measurement): Motion {
  const { value, velocity, variance, cross, velocityVariance } = predicted;
  const innovationVariance = variance + measured.variance;
  const valueGain = variance / innovationVariance;
  const velocityGain = cross / innovationVariance;
  const innovation = measured.value - value;
  return {
    value: value + valueGain * innovation,
    velocity: velocity + velocityGain * innovation,
    variance: valueGain * measured.variance,
    cross: velocityGain * measured.variance,
    velocityVariance: velocityVariance - velocityGain * cross,
  };
}

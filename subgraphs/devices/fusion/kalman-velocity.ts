import type { FusionMemory, FusionStep, Measurement, Motion, MotionPhase } from './fusion-step.js';
import { fuseByInverseVariance } from './inverse-variance.js';

export interface VelocityFilterOptions {
  /** Variance of the acceleration, which is constant during a step and independent of the others, in unit²/s⁴. */
  readonly accelerationVariance: number;
  /** The distance of two instants of the grid, in seconds. */
  readonly stepSeconds: number;
  /** Where it keeps its state; nothing is in it before the first inputs. */
  readonly memory?: FusionMemory;
}

/**
 * Makes a Kalman filter of a value that moves at a nearly constant velocity, disturbed by discrete white noise
 * acceleration. It begins by differencing its first two measurements; from then on each step predicts, and then corrects
 * by what the devices say, one combined measurement of the inverse-variance weighting of all.
 *
 * Shape: the inputs of an instant in, the estimate of the value out. Without inputs it is the prediction; there is none
 * before the first measurement, nor between the first and the second, when nothing is known of the velocity. Units:
 * value in the inputs' unit, variance in unit², velocity inside in unit/s.
 * Source: Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and Navigation (2001), §5.2 (filter),
 * §5.5 (initiation), §6.3.2 (model: Q = σₐ² · [T⁴/4, T³/2; T³/2, T²]).
 */
export function createVelocityFilter(options: VelocityFilterOptions): FusionStep {
  const { memory = {} } = options;
  return (inputs) => {
    const estimate = fuseByInverseVariance(inputs);
    const { value, variance } = estimate;
    const measured = value === null || variance === null ? undefined : { value, variance };
    const phase = advance(memory.motion, measured, options);
    if (phase) memory.motion = phase;
    return { ...estimate, ...shown(phase) };
  };
}

function advance(
  phase: MotionPhase | undefined,
  measured: Measurement | undefined,
  { accelerationVariance, stepSeconds }: VelocityFilterOptions,
): MotionPhase | undefined {
  if (!phase) return measured && { kind: 'STARTED', first: measured, steps: 0 };
  switch (phase.kind) {
    case 'STARTED': {
      const { first } = phase;
      const steps = phase.steps + 1;
      if (!measured) return { kind: 'STARTED', first, steps };
      const noise = velocityNoise(steps, stepSeconds, accelerationVariance);
      return { kind: 'MOVING', motion: difference(first, measured, { seconds: steps * stepSeconds, noise }) };
    }
    case 'MOVING': {
      const predicted = predict(phase.motion, stepSeconds, accelerationVariance);
      return { kind: 'MOVING', motion: measured ? correct(predicted, measured) : predicted };
    }
  }
}

function shown(phase: MotionPhase | undefined): {
  readonly value: number | null;
  readonly variance: number | null;
} {
  if (phase?.kind === 'MOVING') return { value: phase.motion.value, variance: phase.motion.variance };
  if (phase?.kind === 'STARTED' && phase.steps === 0) return phase.first;
  return { value: null, variance: null };
}

/**
 * What the accelerations of n steps add to the variance of a velocity that was found by differencing their two ends.
 * The acceleration of step j ends as a velocity of a·T and has moved the value by a·T²·(n − j − ½), of which
 * differencing sees the mean velocity: an error of a·T·(j + ½)/n for j = 0…n−1, n = 1 being σₐ²T²/4.
 */
function velocityNoise(steps: number, stepSeconds: number, accelerationVariance: number): number {
  // Σ (j + ½)² for j = 0…n−1 is n(4n² − 1)/12.
  return (accelerationVariance * stepSeconds ** 2 * (4 * steps ** 2 - 1)) / (12 * steps);
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

import type { FusionMethod, TimeAlignment } from '../generated/schema-types.js';
import { alignTrack, type Track } from './align-track.js';
import { countOnce } from './count-once.js';
import type { AlignedInput, Estimate, FusionMemory, FusionStep, RefusedInput } from './fusion-step.js';
import { fuseByInverseVariance } from './inverse-variance.js';
import { createLevelFilter } from './kalman-level.js';
import { createVelocityFilter } from './kalman-velocity.js';
import { createMajority } from './majority.js';
import { createMedian } from './median.js';

/** How tracks are fused. All of it has been checked. */
export interface FusionOptions {
  readonly method: FusionMethod;
  readonly alignment: TimeAlignment;
  /** The first instant of the grid, in milliseconds since 1970. */
  readonly fromMs: number;
  /** The end of the grid, itself outside it. */
  readonly toMs: number;
  /** The distance of two instants of the grid, in milliseconds; above 0. */
  readonly stepMs: number;
  /** How far a reading carries, in milliseconds. */
  readonly maxGapMs: number;
  /** Variance of a device's measurements, in unit²; above 0. */
  readonly varianceOf: (deviceId: string) => number;
  /** Of MEDIAN, in standard deviations; at least 1. */
  readonly outlierThreshold: number;
  /** Of MAJORITY, in the unit; above 0. */
  readonly stateResolution: number;
  /** Of KALMAN_LEVEL, in unit²/s; at least 0. */
  readonly driftVariance: number;
  /** Of KALMAN_VELOCITY, in unit²/s⁴; at least 0. */
  readonly accelerationVariance: number;
}

/** One instant of a fused series. */
export interface FusedPoint extends Estimate {
  readonly at: Date;
  /** How many devices had a usable value, whether or not it was taken. */
  readonly heard: number;
  /** Whether a value that was used was not measured. */
  readonly simulated: boolean;
}

/** An UNCERTAIN value counts as one of twice the standard deviation, and so of four times the variance. */
const UNCERTAIN_FACTOR = 4;

type CreateStep = (options: FusionOptions, memory: FusionMemory) => FusionStep;

const METHODS: Readonly<Record<FusionMethod, CreateStep>> = {
  INVERSE_VARIANCE: () => fuseByInverseVariance,
  KALMAN_LEVEL: ({ driftVariance, stepMs }, memory) =>
    countOnce(createLevelFilter({ driftVariance, stepSeconds: stepMs / 1_000, memory }), memory),
  KALMAN_VELOCITY: ({ accelerationVariance, stepMs }, memory) =>
    countOnce(createVelocityFilter({ accelerationVariance, stepSeconds: stepMs / 1_000, memory }), memory),
  MEDIAN: ({ outlierThreshold }) => createMedian({ threshold: outlierThreshold }),
  MAJORITY: ({ stateResolution }) => createMajority({ resolution: stateResolution }),
};

/**
 * Fuses the readings of several devices into one series on a regular grid. Where no device has a usable value there is
 * none, also from a filter that could still predict one. The order of the tracks makes no difference.
 *
 * Shape: n tracks in one unit in; one point for each instant of the grid out. Units: value in the tracks' unit, variance
 * in unit², times in milliseconds. `memory` is what a filter goes on from, and then holds what it has come to.
 */
export function fuseTracks(
  tracks: readonly Track[],
  options: FusionOptions,
  memory: FusionMemory = {},
): FusedPoint[] {
  // Sums of doubles depend on their order.
  const sorted = [...tracks].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  const grid = makeGrid(options);
  const aligned = sorted.map((track) => ({
    deviceId: track.deviceId,
    variance: options.varianceOf(track.deviceId),
    values: alignTrack(track, grid, options),
  }));
  const step = METHODS[options.method](options, memory);

  return grid.map((instant, place) => {
    const inputs: AlignedInput[] = [];
    const silent: RefusedInput[] = [];
    for (const { deviceId, variance, values } of aligned) {
      const value = values[place] ?? { reason: 'GAP' };
      if ('value' in value) inputs.push({ deviceId, variance: variance * factorOf(value), ...value });
      else silent.push({ deviceId, value: null, reason: value.reason });
    }
    const estimate = step(inputs, instant);
    const refused = [...estimate.refused, ...silent];
    const shown = inputs.length > 0 ? estimate : { ...estimate, value: null, variance: null };
    const simulated = estimate.used.some(({ quality }) => quality === 'SIMULATED');
    return { ...shown, refused, at: new Date(instant), heard: inputs.length, simulated };
  });
}

function factorOf({ quality }: Pick<AlignedInput, 'quality'>): number {
  return quality === 'UNCERTAIN' ? UNCERTAIN_FACTOR : 1;
}

/** From the beginning of the range in steps, up to but without its end. */
function makeGrid({ fromMs, toMs, stepMs }: FusionOptions): number[] {
  return Array.from({ length: Math.ceil((toMs - fromMs) / stepMs) }, (_, index) => fromMs + index * stepMs);
}

import type { AlignedInput } from '../../../../../subgraphs/devices/fusion/fusion-step.js';
import type { FusionOptions } from '../../../../../subgraphs/devices/fusion/fuse-tracks.js';
import type { Track } from '../../../../../subgraphs/devices/fusion/align-track.js';

/** Inputs of one instant, from devices named `d0`, `d1` and so on; the variance is 1 where none is given. */
export function inputsOf(values: readonly number[], variances: readonly number[] = []): AlignedInput[] {
  return values.map((value, index) => ({
    deviceId: `d${index}`,
    value,
    variance: variances[index] ?? 1,
    sourceAtMs: 0,
  }));
}

/** A track of usable readings, each as `[instant, value]`. */
export function trackOf(deviceId: string, readings: readonly (readonly [number, number])[]): Track {
  return {
    deviceId,
    instants: readings.map(([instant]) => instant),
    values: readings.map(([, value]) => value),
    good: readings.map(() => true),
  };
}

/** Settings over the first ten seconds of 1970, a step a second. */
export function fusionOptions(options: Partial<FusionOptions> = {}): FusionOptions {
  return {
    method: 'INVERSE_VARIANCE',
    alignment: options.method?.startsWith('KALMAN') ? 'ZERO_ORDER_HOLD' : 'NEAREST',
    ...{ fromMs: 0, toMs: 10_000, stepMs: 1_000, maxGapMs: 1_000 },
    varianceOf: () => 1,
    ...{ outlierThreshold: 2.5, stateResolution: 1, driftVariance: 0.01, accelerationVariance: 0.01 },
    ...options,
  };
}

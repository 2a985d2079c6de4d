import type { FusionRefusalReason } from '../generated/schema-types.js';

/** What one device says at one instant of the grid. */
export interface AlignedInput {
  readonly deviceId: string;
  /** In the series' unit. */
  readonly value: number;
  /** Variance of the device's measurements, in unit²; above 0. */
  readonly variance: number;
  /** When the newest reading behind the value was measured, in milliseconds since 1970. */
  readonly sourceAtMs: number;
}

/** A device that had no part in a fused value, and why. */
export interface RefusedInput {
  readonly deviceId: string;
  /** What it said, in the series' unit; null when it said nothing that could be used. */
  readonly value: number | null;
  readonly reason: FusionRefusalReason;
}

/** What several devices say together at one instant. */
export interface Estimate {
  /** In the series' unit; null when there is none, and then the variance is null as well. */
  readonly value: number | null;
  /** In unit². */
  readonly variance: number | null;
  readonly used: readonly AlignedInput[];
  readonly refused: readonly RefusedInput[];
}

/**
 * A way of fusing: takes what the devices say at one instant and gives the estimate. It is called once for each instant
 * of the grid, in order and with no input where there is none, so that it may carry a state from one to the next.
 */
export type FusionStep = (inputs: readonly AlignedInput[]) => Estimate;

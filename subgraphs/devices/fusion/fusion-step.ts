import type { InputQuality } from './align-track.js';
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
  /** Undefined for one that rests on GOOD readings alone. */
  readonly quality?: InputQuality;
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

/** A way of fusing what the devices say at one instant, whatever they said before. */
export type FuseInstant = (inputs: readonly AlignedInput[]) => Estimate;

/**
 * A way of fusing: takes what the devices say at one instant, and that instant in milliseconds since 1970, and gives the
 * estimate. It is called once for each instant of the grid, in order and with no input where there is none, so that it may
 * carry a state from one to the next.
 */
export type FusionStep = (inputs: readonly AlignedInput[], atMs: number) => Estimate;

/**
 * What a way of fusing carries from one instant to the next, as JSON can hold it: who keeps it can go on later exactly as
 * if nothing had come between. It belongs to the caller, and steps write to it.
 */
export interface FusionMemory {
  /** Of KALMAN_LEVEL. */
  level?: { readonly level: number; readonly variance: number };
  /** Of KALMAN_VELOCITY. */
  motion?: MotionPhase;
  /** When the newest reading of each device that was counted was measured, in milliseconds since 1970. */
  countedAtMs?: Record<string, number>;
}

/** A measured value and its variance. */
export interface Measurement {
  readonly value: number;
  readonly variance: number;
}

/** A value and its velocity, with their covariance: of the value, of both, of the velocity. */
export interface Motion {
  readonly value: number;
  readonly velocity: number;
  readonly variance: number;
  readonly cross: number;
  readonly velocityVariance: number;
}

/** A motion of which one measurement is known, which is no velocity yet. */
export interface BegunMotion {
  readonly kind: 'BEGUN';
  readonly first: Measurement;
  /** How long ago that was. */
  readonly seconds: number;
  /** What accelerations since then have done to the mean velocity, for an acceleration of variance 1; in s⁴. */
  readonly disturbance: number;
}

/** How much is known of a motion, as of the last instant. */
export type MotionPhase = BegunMotion | { readonly kind: 'MOVING'; readonly motion: Motion };

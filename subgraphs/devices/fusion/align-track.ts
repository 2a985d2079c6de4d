import type { Quality } from '../codecs/codec.js';
import type { FusionRefusalReason, TimeAlignment } from '../generated/schema-types.js';

/** The readings of one metric of one device. */
export interface Track {
  readonly deviceId: string;
  /** When each was measured, in milliseconds since 1970, ascending. */
  readonly instants: readonly number[];
  /** One for each instant, in the metric's unit. */
  readonly values: readonly number[];
  /** Whether each can be used: finite, plausible, and in the unit that the metric has. */
  readonly good: readonly boolean[];
  /** How good each is said to be; all GOOD when left out. */
  readonly qualities?: readonly Quality[];
}

/** What is to be known of a usable value beside it: that it is uncertain, or was not measured at all. */
export type InputQuality = 'UNCERTAIN' | 'SIMULATED';

/** How readings are brought onto the grid. */
export interface AlignmentOptions {
  readonly alignment: TimeAlignment;
  /** How far, in milliseconds, a reading carries; see {@link alignTrack}. */
  readonly maxGapMs: number;
}

/** What a device says at one instant, with the time of the newest reading behind it; or why it says nothing. */
export type AlignedValue =
  | {
      readonly value: number;
      readonly sourceAtMs: number;
      /** Undefined for one that rests on GOOD readings alone. */
      readonly quality?: InputQuality;
    }
  | { readonly reason: FusionRefusalReason };

interface Samples {
  readonly instants: readonly number[];
  readonly values: readonly number[];
  readonly qualities: readonly Quality[];
}

type Align = (samples: Samples, instant: number, maxGapMs: number) => AlignedValue;

const GAP: AlignedValue = { reason: 'GAP' };

const ALIGN: Readonly<Record<TimeAlignment, Align>> = {
  NEAREST: alignToNearest,
  LINEAR: alignOnLine,
  ZERO_ORDER_HOLD: alignByHolding,
};

/**
 * Brings the readings of one device onto the instants of a grid.
 *
 * NEAREST takes the reading nearest in time, the earlier of two equally near, at most `maxGapMs` away. LINEAR takes the
 * straight line between the readings on either side, at most `maxGapMs` apart, and a reading of that very instant as it
 * is. ZERO_ORDER_HOLD takes the last reading before, at most `maxGapMs` old.
 *
 * Shape: one track and n instants in; n values or reasons out. Units: milliseconds; values in the track's unit. Reasons:
 * BAD when no usable reading reaches the instant and an unusable one lies within `maxGapMs` of it, STALE when the held
 * reading is too old or the nearest unusable one says so itself, GAP otherwise. A value between two readings is as
 * uncertain as either of them.
 * Source: zero-order hold and linear interpolation as in Franklin, Powell, Workman, Digital Control of Dynamic Systems
 * (1998).
 */
export function alignTrack(
  track: Track,
  grid: readonly number[],
  { alignment, maxGapMs }: AlignmentOptions,
): AlignedValue[] {
  const samples = pick(track, true);
  const bad = pick(track, false);
  const aheadMs = alignment === 'ZERO_ORDER_HOLD' ? 0 : maxGapMs;
  return grid.map((instant) => {
    const aligned = ALIGN[alignment](samples, instant, maxGapMs);
    if ('value' in aligned) return aligned;
    const last = lastBetween(bad.instants, instant - maxGapMs, instant + aheadMs);
    if (last === undefined) return aligned;
    return { reason: bad.qualities[last] === 'STALE' ? 'STALE' : 'BAD' };
  });
}

function pick({ instants, values, good, qualities }: Track, wanted: boolean): Samples {
  const isWanted = (_value: unknown, index: number) => (good[index] ?? false) === wanted;
  return {
    instants: instants.filter(isWanted),
    values: values.filter(isWanted),
    qualities: (qualities ?? []).filter(isWanted),
  };
}

/** SIMULATED says more than UNCERTAIN: what was not measured says nothing of what is. */
function worseOf(...qualities: readonly (Quality | undefined)[]): { readonly quality?: InputQuality } {
  if (qualities.includes('SIMULATED')) return { quality: 'SIMULATED' };
  return qualities.includes('UNCERTAIN') ? { quality: 'UNCERTAIN' } : {};
}

function alignToNearest(
  { instants, values, qualities }: Samples,
  instant: number,
  maxGapMs: number,
): AlignedValue {
  const next = countThrough(instants, instant);
  const earlierMs = instant - (instants[next - 1] ?? -Infinity);
  const laterMs = (instants[next] ?? Infinity) - instant;
  const nearest = earlierMs <= laterMs ? next - 1 : next;
  const value = values[nearest];
  const sourceAtMs = instants[nearest];
  if (value === undefined || sourceAtMs === undefined) return GAP;
  if (Math.min(earlierMs, laterMs) > maxGapMs) return GAP;
  return { value, sourceAtMs, ...worseOf(qualities[nearest]) };
}

function alignOnLine(
  { instants, values, qualities }: Samples,
  instant: number,
  maxGapMs: number,
): AlignedValue {
  const next = countThrough(instants, instant);
  const [before, after] = [instants[next - 1], instants[next]];
  const [from, to] = [values[next - 1], values[next]];
  if (before === undefined || from === undefined) return GAP;
  if (before === instant) return { value: from, sourceAtMs: before, ...worseOf(qualities[next - 1]) };
  if (after === undefined || to === undefined || after - before > maxGapMs) return GAP;
  const share = (instant - before) / (after - before);
  const between = from * (1 - share) + to * share;
  // Rounding may lead outside the line's ends; equal ends give exactly their value.
  const value = Math.min(Math.max(between, Math.min(from, to)), Math.max(from, to));
  return { value, sourceAtMs: after, ...worseOf(qualities[next - 1], qualities[next]) };
}

function alignByHolding(
  { instants, values, qualities }: Samples,
  instant: number,
  maxGapMs: number,
): AlignedValue {
  const last = countThrough(instants, instant) - 1;
  const value = values[last];
  const sourceAtMs = instants[last];
  if (value === undefined || sourceAtMs === undefined) return GAP;
  if (instant - sourceAtMs > maxGapMs) return { reason: 'STALE' };
  return { value, sourceAtMs, ...worseOf(qualities[last]) };
}

/** The place of the last of an ascending list that lies between two bounds. */
function lastBetween(ascending: readonly number[], from: number, through: number): number | undefined {
  const place = countThrough(ascending, through) - 1;
  return (ascending[place] ?? -Infinity) >= from ? place : undefined;
}

/** How many of an ascending list are not above a bound. */
function countThrough(ascending: readonly number[], bound: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? Infinity) <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

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
}

/** How readings are brought onto the grid. */
export interface AlignmentOptions {
  readonly alignment: TimeAlignment;
  /** How far, in milliseconds, a reading carries; see {@link alignTrack}. */
  readonly maxGapMs: number;
}

/** What a device says at one instant, with the time of the newest reading behind it; or why it says nothing. */
export type AlignedValue =
  { readonly value: number; readonly sourceAtMs: number } | { readonly reason: FusionRefusalReason };

interface Samples {
  readonly instants: readonly number[];
  readonly values: readonly number[];
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
 * reading is too old, GAP otherwise.
 * Source: zero-order hold and linear interpolation as in Franklin, Powell, Workman, Digital Control of Dynamic Systems
 * (1998).
 */
export function alignTrack(
  track: Track,
  grid: readonly number[],
  { alignment, maxGapMs }: AlignmentOptions,
): AlignedValue[] {
  const samples = pick(track, true);
  const bad = pick(track, false).instants;
  const aheadMs = alignment === 'ZERO_ORDER_HOLD' ? 0 : maxGapMs;
  return grid.map((instant) => {
    const aligned = ALIGN[alignment](samples, instant, maxGapMs);
    if ('value' in aligned) return aligned;
    return hasBetween(bad, instant - maxGapMs, instant + aheadMs) ? { reason: 'BAD' } : aligned;
  });
}

function pick({ instants, values, good }: Track, wanted: boolean): Samples {
  const isWanted = (_value: number, index: number) => (good[index] ?? false) === wanted;
  return { instants: instants.filter(isWanted), values: values.filter(isWanted) };
}

function alignToNearest({ instants, values }: Samples, instant: number, maxGapMs: number): AlignedValue {
  const next = countThrough(instants, instant);
  const earlierMs = instant - (instants[next - 1] ?? -Infinity);
  const laterMs = (instants[next] ?? Infinity) - instant;
  const nearest = earlierMs <= laterMs ? next - 1 : next;
  const value = values[nearest];
  const sourceAtMs = instants[nearest];
  if (value === undefined || sourceAtMs === undefined) return GAP;
  return Math.min(earlierMs, laterMs) <= maxGapMs ? { value, sourceAtMs } : GAP;
}

function alignOnLine({ instants, values }: Samples, instant: number, maxGapMs: number): AlignedValue {
  const next = countThrough(instants, instant);
  const [before, after] = [instants[next - 1], instants[next]];
  const [from, to] = [values[next - 1], values[next]];
  if (before === undefined || from === undefined) return GAP;
  if (before === instant) return { value: from, sourceAtMs: before };
  if (after === undefined || to === undefined || after - before > maxGapMs) return GAP;
  const share = (instant - before) / (after - before);
  const between = from * (1 - share) + to * share;
  // Rounding may lead outside the line's ends; equal ends give exactly their value.
  const value = Math.min(Math.max(between, Math.min(from, to)), Math.max(from, to));
  return { value, sourceAtMs: after };
}

function alignByHolding({ instants, values }: Samples, instant: number, maxGapMs: number): AlignedValue {
  const last = countThrough(instants, instant) - 1;
  const value = values[last];
  const sourceAtMs = instants[last];
  if (value === undefined || sourceAtMs === undefined) return GAP;
  return instant - sourceAtMs <= maxGapMs ? { value, sourceAtMs } : { reason: 'STALE' };
}

function hasBetween(ascending: readonly number[], from: number, through: number): boolean {
  const last = ascending[countThrough(ascending, through) - 1];
  return last !== undefined && last >= from;
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

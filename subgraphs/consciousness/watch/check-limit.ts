import { MOST_PHI_BITS } from '../metrics/most-phi-bits.js';
import type { Refusal } from '../refusal.js';
import type { Threshold } from './threshold.js';
import type { WatchedMetric } from './watched-metric.js';

/** A limit as a caller gives it. */
export interface GivenLimit {
  readonly metric: WatchedMetric;
  readonly direction: Threshold['direction'];
  readonly value: number;
  readonly hysteresis?: number | null | undefined;
}

const DEFAULT_HYSTERESIS = 0.05;
/** 1 − 0.9 is not quite 0.1. */
const ROUNDING = 1e-9;

/**
 * What is wrong with a limit, or the hysteresis that it is to have: a limit must be one that the number can cross, and come back from.
 */
export function checkLimit(limit: GivenLimit): Refusal | { readonly hysteresis: number } {
  const { metric, direction, value, hysteresis } = limit;
  const { least, greatest } = rangeOf(metric);
  const isWithin =
    direction === 'ABOVE' ? value >= least && value < greatest : value > least && value <= greatest;
  if (!isWithin) {
    const range = direction === 'ABOVE' ? `${least} to below ${greatest}` : `above ${least} to ${greatest}`;
    const reason = `${metric} lies between ${least} and ${greatest}`;
    return refuse('value', `expected a limit of ${range}, as ${reason}, got ${value}.`);
  }
  const room = direction === 'ABOVE' ? value - least : greatest - value;
  const given = hysteresis ?? Math.min(DEFAULT_HYSTERESIS, room / 2);
  if (given >= 0 && given <= room + ROUNDING) return { hysteresis: Math.min(given, room) };
  const reason = `${metric} cannot come back further behind ${value}`;
  return refuse('hysteresis', `expected 0 to ${Number(room.toPrecision(6))}, as ${reason}, got ${given}.`);
}

/** Where a number of the network can lie, in its unit. */
function rangeOf(metric: WatchedMetric): { readonly least: number; readonly greatest: number } {
  if (metric === 'PHI') return { least: -MOST_PHI_BITS, greatest: MOST_PHI_BITS };
  return { least: 0, greatest: 1 };
}

function refuse(field: 'value' | 'hysteresis', message: string): Refusal {
  return { code: 'BAD_USER_INPUT', message, path: [field] };
}

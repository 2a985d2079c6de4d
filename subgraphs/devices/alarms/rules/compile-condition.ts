import type { Condition } from '../conditions/condition.js';
import { createExpression } from '../conditions/expression.js';
import { createGeofence } from '../conditions/geofence.js';
import { createQuality } from '../conditions/quality.js';
import { createRate } from '../conditions/rate.js';
import { createThreshold } from '../conditions/threshold.js';
import type { AlarmCondition } from './alarm-rule.js';

/** Waits for readings that do not come. */
export interface Absence {
  /** Undefined for any metric of the device. */
  readonly metric: string | undefined;
  readonly windowMs: number;
}

/** What a rule looks for, made ready: something about readings, or that there are none. */
export type CompiledCondition =
  | { readonly kind: 'readings'; readonly condition: Condition }
  | { readonly kind: 'absence'; readonly absence: Absence };

/** Makes the condition of a checked rule ready. */
export function compileCondition(given: AlarmCondition): CompiledCondition {
  if (given.noData) {
    const { metric, windowMs } = given.noData;
    return { kind: 'absence', absence: { metric, windowMs } };
  }
  return { kind: 'readings', condition: compileReadings(given) };
}

function compileReadings({ threshold, rate, geofence, expression, quality }: AlarmCondition): Condition {
  if (threshold) return createThreshold(threshold);
  if (rate) return createRate(rate);
  if (expression) return createExpression(expression.expression);
  if (quality) return createQuality(quality.metric, quality.qualities);
  if (geofence) return compileGeofence(geofence);
  throw new Error('expected a checked condition, got one of no kind');
}

function compileGeofence({
  circle,
  polygon,
  ...options
}: NonNullable<AlarmCondition['geofence']>): Condition {
  const fence = circle
    ? ({ kind: 'circle', centre: circle, radiusMetres: circle.radiusMetres } as const)
    : ({ kind: 'polygon', corners: polygon ?? [] } as const);
  return createGeofence({ ...options, fence });
}

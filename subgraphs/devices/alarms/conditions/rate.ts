import { instantOf, type Condition, type DeviceView } from './condition.js';
import { describeOutside, isOutside, type Limits } from './limits.js';

export interface RateOptions extends Limits {
  readonly metric: string;
  /** Over how long the rate is taken, in milliseconds. */
  readonly windowMs: number;
}

/** Two readings nearer than this share of the window tell more of their noise than of the rate. */
const SMALLEST_SHARE = 0.5;

/**
 * Makes the condition that a metric changes faster than its limits allow. The rate is the difference of the newest usable
 * reading and the oldest one of the window that ends with it, divided by the time between: it needs two that are at least
 * half of the window apart.
 *
 * Units: limits and deadband in the metric's unit per second.
 */
export function createRate({ metric, windowMs, ...limits }: RateOptions): Condition {
  function rateOf(view: DeviceView): number | undefined {
    const newest = view.newestUsable(metric);
    if (!newest) return undefined;
    const oldest = view.history(metric).find((sample) => instantOf(sample) >= instantOf(newest) - windowMs);
    const spanMs = oldest ? instantOf(newest) - instantOf(oldest) : 0;
    if (!oldest || spanMs < windowMs * SMALLEST_SHARE) return undefined;
    return (newest.value - oldest.value) / (spanMs / 1_000);
  }

  return {
    metrics: [metric],
    windowMs,
    holds(view, held) {
      const rate = rateOf(view);
      return rate === undefined ? undefined : isOutside(rate, limits, held);
    },
    explain(view) {
      const rate = rateOf(view) ?? NaN;
      const newest = view.newestUsable(metric);
      const told = `${metric} changes by ${Number(rate.toPrecision(6))} ${newest?.unit ?? ''} per second`;
      return {
        metric,
        value: newest?.value ?? null,
        unit: newest?.unit ?? null,
        message: `${told}, ${describeOutside(rate, limits)}`,
      };
    },
  };
}

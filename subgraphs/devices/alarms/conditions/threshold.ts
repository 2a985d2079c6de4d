import type { Condition } from './condition.js';
import { describeOutside, isOutside, type Limits } from './limits.js';

export interface ThresholdOptions extends Limits {
  readonly metric: string;
}

/** Makes the condition that the newest usable value of a metric lies outside its limits, which are in the metric's unit. */
export function createThreshold({ metric, ...limits }: ThresholdOptions): Condition {
  return {
    metrics: [metric],
    windowMs: 0,
    holds(view, held) {
      const sample = view.newestUsable(metric);
      return sample && isOutside(sample.value, limits, held);
    },
    explain(view) {
      const sample = view.newestUsable(metric);
      const { value, unit } = sample ?? { value: NaN, unit: '' };
      return {
        metric,
        value,
        unit,
        message: `${metric} is ${value} ${unit}, ${describeOutside(value, limits)}`,
      };
    },
  };
}

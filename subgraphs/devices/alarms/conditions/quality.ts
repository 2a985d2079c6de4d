import type { Quality } from '../../codecs/codec.js';
import type { Condition } from './condition.js';

/** Makes the condition that the newest reading of a metric has one of some qualities. */
export function createQuality(metric: string, qualities: readonly Quality[]): Condition {
  return {
    metrics: [metric],
    windowMs: 0,
    holds(view) {
      const sample = view.newest(metric);
      return sample && qualities.includes(sample.quality);
    },
    explain(view) {
      const sample = view.newest(metric);
      return {
        metric,
        value: sample?.value ?? null,
        unit: sample?.unit ?? null,
        message: `the newest reading of ${metric} is ${sample?.quality ?? 'missing'}`,
      };
    },
  };
}

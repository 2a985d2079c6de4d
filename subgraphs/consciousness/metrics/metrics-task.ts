import type { PhiOptions } from './phi-estimate.js';
import type { WindowMetrics } from './window-metrics.js';

/** A window on its way to the thread that measures it. */
export interface MetricsTask {
  readonly id: number;
  readonly signals: readonly Float64Array[];
  readonly options: PhiOptions;
}

/** What the thread made of the task with this id: the metrics, or what it failed of. */
export type MetricsAnswer =
  | { readonly id: number; readonly metrics: WindowMetrics; readonly fault?: never }
  | { readonly id: number; readonly metrics?: never; readonly fault: string };

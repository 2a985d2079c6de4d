import type { WindowMetrics, WindowOptions } from './window-metrics.js';

/** A window on its way to the thread that measures it. */
export interface MetricsTask {
  readonly id: number;
  readonly signals: readonly Float64Array[];
  readonly options: WindowOptions;
}

/** The numbers of a window, and how long they took in milliseconds. */
export type MeasuredWindow = WindowMetrics & { readonly computedInMs: number };

/** What the thread made of the task with this id: the metrics, or what it failed of. */
export type MetricsAnswer =
  | { readonly id: number; readonly metrics: MeasuredWindow; readonly fault?: never }
  | { readonly id: number; readonly metrics?: never; readonly fault: string };

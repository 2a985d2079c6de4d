import type { WatchedMetric } from './watched-metric.js';

/** A limit of one number, and on which side of it the number is. */
export interface Threshold {
  readonly id: string;
  readonly metric: WatchedMetric;
  readonly direction: 'ABOVE' | 'BELOW';
  readonly value: number;
  readonly hysteresis: number;
  readonly crossed: boolean;
  readonly changedAt: Date;
}

import type { NetworkMetrics } from '../metrics/describe-metrics.js';

/** Numbers are biased by the length of the window, as one by its samples: within this share they are the same. */
const SAMPLES_SHARE = 0.05;

/** Of which signals numbers are: those of other nodes, of another pace, or made up are on another level. */
export function keyOfSignals({ window, simulated }: NetworkMetrics): string {
  return JSON.stringify([window.rateHz, window.nodes, simulated]);
}

/** How a window's length is to another's, in samples. */
export function compareLengths(samples: number, other: number): 'SHORTER' | 'SAME' | 'LONGER' {
  if (samples < other * (1 - SAMPLES_SHARE)) return 'SHORTER';
  return samples > other * (1 + SAMPLES_SHARE) ? 'LONGER' : 'SAME';
}

/** Whether numbers are of the same signals and of windows of one length, so that they vary about one level. */
export function isComparable(a: NetworkMetrics, b: NetworkMetrics): boolean {
  return keyOfSignals(a) === keyOfSignals(b) && compareLengths(a.window.samples, b.window.samples) === 'SAME';
}

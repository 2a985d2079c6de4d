import { z } from 'zod';
import type { NetworkMetrics } from '../metrics/describe-metrics.js';

/** The numbers of a network that can have limits. */
export const watchedMetric = z.enum([
  'PHI',
  'COHERENCE',
  'STABILITY',
  'DIVERGENCE',
  'LEVEL',
  'COLLECTIVE_AWARENESS',
  'SYSTEM_HEALTH',
]);

export type WatchedMetric = z.infer<typeof watchedMetric>;

/** One of the numbers; null when it is not known. */
export function valueOf(
  metric: WatchedMetric,
  { phi, coherence, stability, divergence, level, global }: NetworkMetrics,
): number | null {
  const values: Readonly<Record<WatchedMetric, number | null>> = {
    PHI: phi?.bits ?? null,
    COHERENCE: coherence,
    STABILITY: stability,
    DIVERGENCE: divergence,
    LEVEL: level?.value ?? null,
    COLLECTIVE_AWARENESS: global.collectiveAwareness,
    SYSTEM_HEALTH: global.systemHealth,
  };
  return values[metric];
}

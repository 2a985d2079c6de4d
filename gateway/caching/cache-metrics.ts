import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../kernel/telemetry/metrics.js';

/** What the caches count, for Prometheus. */
export interface CacheMetrics {
  readonly lookups: Counter<'subgraph' | 'outcome'>;
  readonly storedBytes: Counter<'subgraph'>;
  readonly removed: Counter;
}

/** What caches of whole responses count under, in place of a subgraph's name. */
export const RESPONSES = '(responses)';

/** Registers them; once for each registry. @param heldBytes what a store in this process holds now. */
export function createCacheMetrics(registry: Metrics, heldBytes: (() => number) | undefined): CacheMetrics {
  const registers = [registry];
  if (heldBytes) {
    new Gauge({
      name: 'aegis_gateway_cache_bytes',
      help: 'What the cache in this process holds, in bytes.',
      registers,
      collect() {
        this.set(heldBytes());
      },
    });
  }
  return {
    lookups: new Counter({
      name: 'aegis_gateway_cache_lookups_total',
      help: `Entities and root fields that were looked for, by outcome: hit, stale (given out past its time), joined (somebody was asking already) or miss. Whole responses count under ${RESPONSES}.`,
      labelNames: ['subgraph', 'outcome'],
      registers,
    }),
    storedBytes: new Counter({
      name: 'aegis_gateway_cache_stored_bytes_total',
      help: 'What was put into the cache, in characters of JSON.',
      labelNames: ['subgraph'],
      registers,
    }),
    removed: new Counter({
      name: 'aegis_gateway_cache_invalidated_total',
      help: 'Entries that were removed because they were invalidated.',
      registers,
    }),
  };
}

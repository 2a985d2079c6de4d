import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { SubgraphAddress } from '../supergraph/snapshot.js';
import type { Transport } from '../transports/transport.js';
import { cacheAnswers } from './cache-answers.js';
import { createCacheMetrics } from './cache-metrics.js';
import type { CacheStore } from './cache-store.js';
import { createCacheInvalidation, type CacheInvalidation } from './invalidation.js';
import { createPolicyCollector } from './policy-collector.js';
import { createResponseCache, type ResponseCache } from './response-cache.js';

/** What a gateway keeps of answers. */
export interface Caching {
  /** A transport whose answers are kept, where the settings want it and the subgraph allows it. */
  wrap(transport: Transport, address: SubgraphAddress): Transport;
  /** Keeps whole responses; undefined when they are not to be kept. */
  readonly responses: ResponseCache | undefined;
  readonly invalidation: CacheInvalidation;
  close(): Promise<void>;
}

export interface CachingOptions {
  readonly store: CacheStore & { readonly bytes?: number };
  /** The longest that answers of a subgraph are kept, in milliseconds; undefined when they are not kept. */
  readonly maxAgeMsOf: (subgraph: string) => number | undefined;
  /** The longest that whole responses are kept, in milliseconds; undefined when they are not kept. */
  readonly responseMaxAgeMs: number | undefined;
  /** How long a fetch in the background may take, in milliseconds. */
  readonly refreshTimeoutMs: number;
  readonly metrics: Metrics;
  /** A clock in milliseconds since 1970. */
  readonly now?: () => number;
}

/** Makes the caches of one gateway over one store, which is closed with them. */
export function createCaching(options: CachingOptions): Caching {
  const { store, maxAgeMsOf, responseMaxAgeMs, refreshTimeoutMs, now = Date.now } = options;
  const heldBytes = store.bytes === undefined ? undefined : () => store.bytes ?? 0;
  const metrics = createCacheMetrics(options.metrics, heldBytes);
  const invalidation = createCacheInvalidation(store, metrics);
  const collector = createPolicyCollector();
  const responses =
    responseMaxAgeMs === undefined
      ? undefined
      : createResponseCache({
          store,
          collector,
          maxAgeMs: responseMaxAgeMs,
          metrics,
          invalidations: invalidation,
          now,
        });
  return {
    wrap(transport, subgraph) {
      const maxAgeMs = maxAgeMsOf(subgraph.name);
      const own = { subgraph, store, metrics, invalidations: invalidation, now, refreshTimeoutMs };
      const kept = maxAgeMs === undefined ? transport : cacheAnswers(transport, { ...own, maxAgeMs });
      return responses ? collector.observe(kept, maxAgeMs !== undefined) : kept;
    },
    responses,
    invalidation,
    close: () => store.close(),
  };
}

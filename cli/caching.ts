import { performance } from 'node:perf_hooks';
import { createCaching, type Caching } from '../gateway/caching/caching.js';
import type { CacheStore } from '../gateway/caching/cache-store.js';
import { createMemoryStore } from '../gateway/caching/memory-store.js';
import { createRedisConnection } from '../gateway/caching/redis-connection.js';
import { createRedisStore } from '../gateway/caching/redis-store.js';
import type { GatewaySettings } from '../gateway/config.js';
import { CircuitBreaker } from '../gateway/transports/circuit-breaker.js';
import type { Logger } from '../kernel/telemetry/logger.js';
import type { Metrics } from '../kernel/telemetry/metrics.js';

interface CachingDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Redis is left alone for a second once half of its last commands failed. */
const REDIS_BREAKER = { failurePercent: 50, minimumCalls: 5, windowMs: 2_000, openMs: 1_000 };

/** What the gateway of this process keeps; undefined when nothing. */
export function openCaching(settings: GatewaySettings, deps: CachingDeps): Caching | undefined {
  if (settings.cache === 'off') return undefined;
  const { cacheMaxAgeS, cacheSubgraphs, cacheResponses, operationTimeoutMs } = settings;
  return createCaching({
    store: openStore(settings, deps),
    maxAgeMsOf(subgraph) {
      if (cacheSubgraphs.size > 0 && !cacheSubgraphs.has(subgraph)) return undefined;
      return Math.min(cacheMaxAgeS, cacheSubgraphs.get(subgraph) ?? cacheMaxAgeS) * 1_000;
    },
    responseMaxAgeMs: cacheResponses ? cacheMaxAgeS * 1_000 : undefined,
    refreshTimeoutMs: operationTimeoutMs,
    metrics: deps.metrics,
  });
}

function openStore(
  { cache, cacheBytes, cacheTimeoutMs }: GatewaySettings,
  { logger }: CachingDeps,
): CacheStore {
  const now = Date.now;
  if (cache === 'memory') return createMemoryStore({ maxBytes: cacheBytes, now });
  const breaker = new CircuitBreaker({
    ...REDIS_BREAKER,
    now: () => performance.now(),
    onState: () => undefined,
  });
  const connection = createRedisConnection({ url: cache, timeoutMs: cacheTimeoutMs, breaker, logger });
  return createRedisStore({ connection, now });
}

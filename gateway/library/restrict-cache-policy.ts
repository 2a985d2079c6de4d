import type { GatewayCachePolicy } from '@apollo/server-gateway-interface';
import type { ResponseCaching } from '../transports/response-caching.js';

/**
 * Lets the whole response be kept no longer than one answer of a subgraph may be; not at all where the subgraph does not
 * say. A server without such a policy (the plugin may be off) is left alone.
 *
 * @param policy `overallCachePolicy` of Apollo Server.
 */
export function restrictCachePolicy(policy: unknown, caching: ResponseCaching | undefined): void {
  if (!isCachePolicy(policy)) return;
  const maxAge = Math.floor((caching?.maxAgeMs ?? 0) / 1_000);
  policy.restrict({ maxAge, ...(caching ? { scope: caching.scope.toUpperCase() } : {}) });
}

function isCachePolicy(value: unknown): value is GatewayCachePolicy {
  return typeof value === 'object' && value !== null && 'restrict' in value;
}

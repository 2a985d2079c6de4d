import type { LookupFunction } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { GatewaySettings } from '../gateway/config.js';
import type { SubgraphAddress } from '../gateway/supergraph/snapshot.js';
import { CircuitBreaker, type CircuitState } from '../gateway/transports/circuit-breaker.js';
import type { HeaderRules } from '../gateway/transports/header-rules.js';
import { createHttpTransport } from '../gateway/transports/http-transport.js';
import { createRetryBudget } from '../gateway/transports/retry-budget.js';
import type { RetryOptions } from '../gateway/transports/retry-queries.js';
import { createTransportMetrics, type TransportMetrics } from '../gateway/transports/transport-metrics.js';
import type { Transport } from '../gateway/transports/transport.js';
import { createHandOverSigner } from '../kernel/identity/hand-over.js';
import type { Logger } from '../kernel/telemetry/logger.js';
import type { Metrics } from '../kernel/telemetry/metrics.js';

export interface RemoteTransportDeps {
  readonly headerRules: HeaderRules | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How the name in an address is resolved; undefined where it may stand for anything. */
  readonly lookupFor: (address: SubgraphAddress) => LookupFunction | undefined;
  /** Whether a subgraph may be given tokens that say who asks; asked for each request. */
  readonly mayKnowWhoAsks: (address: SubgraphAddress) => boolean;
}

interface RemoteTransportSettings extends GatewaySettings {
  /** With it, each request tells the subgraph who is asking, where that may be. */
  readonly handOverSecret: string | undefined;
}

/** Makes transports to subgraphs in other processes. Called once for each registry of metrics. */
export function createRemoteTransports(
  settings: RemoteTransportSettings,
  { headerRules, logger, metrics: registry, lookupFor, mayKnowWhoAsks }: RemoteTransportDeps,
): (address: SubgraphAddress) => Transport {
  const { handOverSecret } = settings;
  const metrics = createTransportMetrics(registry);
  // A subgraph may be called like what every object has.
  const subscriptions = new Map(Object.entries(settings.subgraphSubscriptions));
  return (address) => {
    const { name, url } = address;
    const sign =
      handOverSecret === undefined
        ? undefined
        : createHandOverSigner({ secret: handOverSecret, subgraph: name });
    return createHttpTransport({
      subgraph: name,
      url,
      subscriptions: subscriptions.get(name),
      timeoutMs: settings.subgraphTimeoutMs,
      connections: settings.subgraphConnections,
      maxResponseBytes: settings.maxSubgraphResponseBytes,
      lookup: lookupFor(address),
      headersFor: async ({ principal, headers }) => ({
        ...headerRules?.headersFor(name, headers),
        ...(sign && mayKnowWhoAsks(address) ? { authorization: await sign(principal) } : {}),
      }),
      mayGive: (header) =>
        (sign !== undefined && header === 'authorization') || (headerRules?.mayGive(name, header) ?? false),
      retry: retryOptions(name, settings, metrics),
      breaker: settings.breakerPercent === 0 ? undefined : openBreaker(name, settings, { logger, metrics }),
    });
  };
}

function now(): number {
  return performance.now();
}

function retryOptions(subgraph: string, settings: GatewaySettings, metrics: TransportMetrics): RetryOptions {
  return {
    retries: settings.subgraphRetries,
    budget: createRetryBudget({ percent: settings.subgraphRetryPercent, now }),
    random: Math.random,
    onRetry: () => {
      metrics.retries.inc({ subgraph });
    },
  };
}

const CIRCUIT_LEVELS: Readonly<Record<CircuitState, number>> = { closed: 0, 'half-open': 1, open: 2 };

function openBreaker(
  subgraph: string,
  settings: GatewaySettings,
  { logger, metrics }: { logger: Logger; metrics: TransportMetrics },
): CircuitBreaker {
  let before: CircuitState = 'closed';
  return new CircuitBreaker({
    failurePercent: settings.breakerPercent,
    minimumCalls: settings.breakerMinimumRequests,
    windowMs: settings.breakerWindowMs,
    openMs: settings.breakerOpenMs,
    now,
    onState: (state) => {
      metrics.circuit.set({ subgraph }, CIRCUIT_LEVELS[state]);
      if (state === 'open' && before === 'closed')
        logger.warn({ subgraph }, 'fails too often, and is left alone for a while');
      if (state === 'closed' && before !== 'closed') logger.info({ subgraph }, 'answers again');
      before = state === 'half-open' ? before : state;
    },
  });
}

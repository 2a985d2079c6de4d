import type { ExecutionResult } from 'graphql';
import { createCaching, type Caching, type CachingOptions } from '../../gateway/caching/caching.js';
import type { CacheStore } from '../../gateway/caching/cache-store.js';
import { createMemoryStore } from '../../gateway/caching/memory-store.js';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import type { GatewayOperation } from '../../gateway/gateway-operation.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { createHttpTransport } from '../../gateway/transports/http-transport.js';
import { parseWorkspaceId, type Principal } from '../../kernel/identity/principal.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics, type Metrics } from '../../kernel/telemetry/metrics.js';
import type { ApolloSubgraph } from './apollo-subgraph.js';
import { anyContext } from './test-gateway.js';

/** A gateway that keeps answers of subgraphs on ports of their own, by a clock that the test sets. */
export interface CachingGateway {
  readonly gateway: Gateway;
  readonly caching: Caching;
  readonly metrics: Metrics;
  /** In milliseconds since 1970. */
  readonly clock: { now: number };
  run(text: string, asked?: Asked): Promise<ExecutionResult>;
  close(): Promise<void>;
}

/** Who asks, and with what. */
export interface Asked extends Partial<Pick<GatewayOperation, 'variables' | 'signal' | 'onAge' | 'written'>> {
  readonly subject?: string;
  readonly workspace?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CachingGatewayOptions extends Partial<CachingOptions> {
  readonly coalesceQueries?: boolean;
  readonly openStore?: (clock: { readonly now: number }) => CacheStore;
}

export function openCachingGateway(
  subgraphs: readonly ApolloSubgraph[],
  { openStore = openMemory, coalesceQueries = false, ...options }: CachingGatewayOptions = {},
): CachingGateway {
  const clock = { now: Date.now() };
  const metrics = createMetrics();
  const caching = createCaching({
    store: openStore(clock),
    maxAgeMsOf: () => 3_600_000,
    responseMaxAgeMs: undefined,
    refreshTimeoutMs: 2_000,
    metrics,
    now: () => clock.now,
    ...options,
  });
  const gateway = createGateway({
    ...planInThread(composeSupergraph(subgraphs)),
    openTransport: ({ name, url }) =>
      createHttpTransport({
        subgraph: name,
        url,
        timeoutMs: 1_000,
        connections: 8,
        maxResponseBytes: 1_000_000,
        headersFor: ({ headers }) => Promise.resolve({ ...headers }),
      }),
    caching,
    coalesceQueries,
    logger: createLogger({ level: 'silent', pretty: false }),
    metrics,
    operationTimeoutMs: 5_000,
    planCacheSize: 100,
  });
  return {
    gateway,
    caching,
    metrics,
    clock,
    run(text, asked = {}) {
      const generation = gateway.current;
      const document = generation.readDocument(text);
      if (!('kind' in document)) throw new Error(document.map(({ message }) => message).join('\n'));
      const { subject, workspace, headers, signal = new AbortController().signal, ...rest } = asked;
      const context = { ...anyContext(), principal: principalOf(subject, workspace), headers };
      return gateway.execute({ generation, document, context, signal, ...rest });
    },
    async close() {
      await gateway.close();
      await caching.close();
    },
  };
}

function openMemory(clock: { readonly now: number }): CacheStore {
  return createMemoryStore({ maxBytes: 1_000_000, now: () => clock.now });
}

function principalOf(subject = 'anna', name = 'default'): Principal {
  const workspace = parseWorkspaceId(name);
  if (workspace === undefined) throw new Error(`${name} is no workspace`);
  return { subject, workspace, roles: [] };
}

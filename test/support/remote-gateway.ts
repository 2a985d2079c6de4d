import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { openGatewayServer, type GatewayServerOptions } from '../../gateway/ingress/gateway-server.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { createHttpTransport } from '../../gateway/transports/http-transport.js';
import { createIdentify } from '../../kernel/identity/api-keys.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics, type Metrics } from '../../kernel/telemetry/metrics.js';
import type { ForeignSubgraph } from './foreign-subgraph.js';

/** A gateway on a port, over subgraphs on ports of their own. */
export interface RemoteGateway {
  readonly url: string;
  readonly webSocketUrl: string;
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

export async function serveRemoteGateway(
  subgraphs: readonly Pick<ForeignSubgraph, 'name' | 'url' | 'typeDefs'>[],
  options: Partial<GatewayServerOptions> = {},
): Promise<RemoteGateway> {
  const logger = createLogger({ level: 'silent', pretty: false });
  const metrics = createMetrics();
  const gateway = createGateway({
    ...planInThread(composeSupergraph(subgraphs)),
    openTransport: ({ name, url }) =>
      createHttpTransport({
        subgraph: name,
        url,
        timeoutMs: 2_000,
        connections: 8,
        maxResponseBytes: 1_000_000,
        headersFor: () => Promise.resolve({}),
      }),
    logger,
    metrics,
    operationTimeoutMs: 5_000,
    planCacheSize: 100,
    tracing: options.tracing,
  });
  const server = await openGatewayServer({
    gateway,
    host: '127.0.0.1',
    port: 0,
    identify: createIdentify([], { openWorkspace: DEFAULT_WORKSPACE }),
    open: true,
    allowedOrigins: [],
    maxBodyBytes: 100_000,
    pagesFolder: 'dist/no-pages',
    logger,
    metrics,
    routes: [],
    closeDeadlineMs: 1_000,
    ...options,
  });
  return {
    url: server.url,
    webSocketUrl: `${server.url.replace('http', 'ws')}/graphql`,
    gateway,
    metrics,
    async close() {
      await server.close();
      await gateway.close();
    },
  };
}

import type { GatewaySettings } from '../gateway/config.js';
import type { SubgraphAddress } from '../gateway/supergraph/snapshot.js';
import { createHttpTransport } from '../gateway/transports/http-transport.js';
import type { Transport } from '../gateway/transports/transport.js';
import { createHandOverSigner } from '../kernel/identity/hand-over.js';

/** Makes transports to subgraphs in other processes; with a secret, each request tells them who is asking. */
export function createRemoteTransports(
  settings: GatewaySettings,
  handOverSecret: string | undefined,
): (address: SubgraphAddress) => Transport {
  const sign = handOverSecret === undefined ? undefined : createHandOverSigner({ secret: handOverSecret });
  return ({ name, url }) =>
    createHttpTransport({
      subgraph: name,
      url,
      timeoutMs: settings.subgraphTimeoutMs,
      connections: settings.subgraphConnections,
      maxResponseBytes: settings.maxSubgraphResponseBytes,
      headersFor: async ({ principal }): Promise<Record<string, string>> =>
        sign ? { authorization: await sign(principal) } : {},
    });
}

import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { SubgraphAddress } from '../supergraph/snapshot.js';
import { createHttpTransport } from '../transports/http-transport.js';
import type { Transport } from '../transports/transport.js';
import { createAddressSubscriber } from './address-subscriber.js';
import { createDataSourceTransport } from './data-source-transport.js';
import type { DataSources } from './data-sources.js';
import type { AegisGatewayConfig } from './gateway-config.js';
import { incomingOf } from './incoming-request.js';
import { presentParams } from './present-params.js';
import { restrictCachePolicy } from './restrict-cache-policy.js';

export interface OpenTransportOptions {
  readonly config: AegisGatewayConfig;
  readonly dataSources: DataSources;
  /** How long one request may take without `buildService`, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

const CONNECTIONS = 128;
const MAX_RESPONSE_BYTES = 52_428_800;

/** How subgraphs are reached: by the data sources that `buildService` makes, or over HTTP. */
export function createOpenTransport(options: OpenTransportOptions): (address: SubgraphAddress) => Transport {
  const { config, dataSources, timeoutMs, logger } = options;
  const { maxResponseBytes = MAX_RESPONSE_BYTES, subgraphConnections = CONNECTIONS } = config;

  function open({ name: subgraph, url }: SubgraphAddress): Transport {
    const reach = { subgraph, url, timeoutMs, maxResponseBytes, headersFor };
    if (!config.buildService)
      return restrictByAnswers(
        createHttpTransport({ ...reach, mayGive: givesNothing, connections: subgraphConnections }),
      );
    const dataSource = dataSources.get({ name: subgraph, url });
    const subscriber = createAddressSubscriber(reach);
    return createDataSourceTransport({ subgraph, dataSource, subscriber, logger });
  }

  return (address) => {
    const transport = open(address);
    return {
      ...transport,
      subscribe: presentParams(transport.subscribe, address.name, config.connectionParams),
    };
  };
}

/** Those that `connectionParams` gave, and none of the client's. */
async function headersFor({ headers }: RequestContext): Promise<Record<string, string>> {
  return { ...headers };
}

/** Only entities of a subscription's events are fetched with headers: nothing is kept of these. */
function givesNothing(): boolean {
  return false;
}

/** A data source looks after the cache policy itself. */
function restrictByAnswers(transport: Transport): Transport {
  return {
    ...transport,
    async execute(request) {
      const response = await transport.execute(request);
      restrictCachePolicy(incomingOf(request.context)?.overallCachePolicy, response.caching);
      return response;
    },
  };
}

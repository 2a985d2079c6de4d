import type { Transport } from '../transports/transport.js';
import type { AegisGatewayConfig } from './gateway-config.js';
import { incomingOf } from './incoming-request.js';

type Subscribe = Transport['subscribe'];

/** A way to subscribe that tells the subgraph what `connectionParams` says: subscriptions told the same may share a socket. */
export function presentParams(
  subscribe: Subscribe,
  subgraph: string,
  connectionParams: AegisGatewayConfig['connectionParams'],
): Subscribe {
  if (!connectionParams) return subscribe;
  return async (request) => {
    const { context } = request;
    const headers = connectionParams({ name: subgraph, context: incomingOf(context)?.context ?? {} });
    return subscribe({ ...request, context: { ...context, headers } });
  };
}

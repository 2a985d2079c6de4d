import type { HeaderRules } from './header-rules.js';
import type { SubgraphRequest, Transport } from './transport.js';

/** A transport that tells its subgraph the headers which the rules give it, and no others, in the request's context. */
export function applyHeaderRules(
  transport: Transport,
  subgraph: string,
  rules: Pick<HeaderRules, 'headersFor'>,
): Transport {
  const apply = (request: SubgraphRequest): SubgraphRequest => {
    const { context } = request;
    return { ...request, context: { ...context, headers: rules.headersFor(subgraph, context.headers) } };
  };
  return {
    ...transport,
    execute: (request) => transport.execute(apply(request)),
    subscribe: (request) => transport.subscribe(apply(request)),
  };
}

import type {
  GatewayExecutor,
  GatewayInterface,
  GatewaySchemaLoadOrUpdateCallback,
} from '@apollo/server-gateway-interface';
import type { GraphQLSchema } from 'graphql';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { Gateway } from '../gateway.js';
import type { Generation } from '../generation.js';

/** What Apollo Server hands from the HTTP request to the execution of its operation. */
export interface HttpContext extends RequestContext {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/** The gateway as Apollo Server knows gateways. */
export function createGatewayInterface(gateway: Gateway): GatewayInterface {
  /** Apollo Server validates against the schema it was told; the operation is executed by that schema's generation. */
  const generations = new WeakMap<GraphQLSchema, Generation>();
  const listeners = new Set<GatewaySchemaLoadOrUpdateCallback>();

  const executor: GatewayExecutor = ({ schema, document, request, context }) => {
    // Its type knows nothing of ours; it is the one that the HTTP route has made.
    const { trace, principal, headers, signal } = context as unknown as HttpContext;
    return gateway.execute({
      generation: generations.get(schema) ?? gateway.current,
      document,
      operationName: request.operationName ?? undefined,
      variables: request.variables,
      context: { trace, principal, headers },
      signal,
      written: true,
    });
  };

  let stopListening: () => void = () => undefined;
  return {
    onSchemaLoadOrUpdate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    load() {
      stopListening = gateway.onGeneration((generation) => {
        const { apiSchema, sdl } = generation.snapshot;
        generations.set(apiSchema, generation);
        for (const listener of listeners) listener({ apiSchema, coreSupergraphSdl: sdl });
      });
      return Promise.resolve({ executor });
    },
    stop() {
      stopListening();
      return Promise.resolve();
    },
  };
}

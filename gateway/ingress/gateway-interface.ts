import type {
  GatewayExecutor,
  GatewayInterface,
  GatewaySchemaLoadOrUpdateCallback,
} from '@apollo/server-gateway-interface';
import { GraphQLBoolean, GraphQLObjectType, GraphQLSchema } from 'graphql';
import type { Gateway } from '../gateway.js';
import type { HttpContext } from './http-context.js';
import { createTellAge } from './tell-age.js';

/** The gateway as Apollo Server knows gateways: it executes what was admitted before. */
export function createGatewayInterface(gateway: Gateway): GatewayInterface {
  const executor: GatewayExecutor = (request) => {
    // Its type knows nothing of ours; it is the one that the HTTP route has made.
    const { trace, principal, headers, signal, admission } = request.context as unknown as HttpContext;
    if (admission?.kind !== 'admitted') throw new Error('Apollo Server executes what was not admitted');
    const onAge = createTellAge(request, principal);
    const context = { trace, principal, headers };
    return gateway.execute({ ...admission, context, signal, written: true, onAge });
  };

  const listeners = new Set<GatewaySchemaLoadOrUpdateCallback>();
  return {
    onSchemaLoadOrUpdate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    load() {
      const apiSchema = createAnySchema();
      for (const listener of listeners) listener({ apiSchema, coreSupergraphSdl: '' });
      return Promise.resolve({ executor });
    },
    stop: () => Promise.resolve(),
  };
}

/**
 * Apollo Server cannot do without a schema, though it is handed valid documents and answers nothing from it. It would hold
 * the first one that it is told of for as long as it runs, so that it is told of none that some day is a former one.
 */
function createAnySchema(): GraphQLSchema {
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { any: { type: GraphQLBoolean } } }),
  });
}

import fastifyApollo from '@as-integrations/fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { createApolloServer } from '../../kernel/graphql/apollo-server.js';
import { createFormatErrors } from '../../kernel/graphql/format-errors.js';
import type { IdentifyClient, RequestContext } from '../../kernel/graphql/subgraph.js';
import { isOperator } from '../../kernel/identity/is-operator.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { traceOf } from '../../kernel/telemetry/trace-context.js';
import { authenticateHeaders } from '../access/authenticate.js';

export interface AdminEndpointOptions {
  readonly schema: GraphQLSchema;
  readonly identify: IdentifyClient;
  readonly logger: Logger;
}

/** GraphQL of its own, for operators alone. */
export interface AdminEndpoint {
  /** Serves it on a server. */
  readonly route: (server: FastifyInstance) => void;
  close(): Promise<void>;
}

const ADMIN_PATH = '/admin/graphql';
const MAX_TOKENS = 15_000;

/** Opens the endpoint: who is nobody is refused with UNAUTHENTICATED, and who is no operator with FORBIDDEN. */
export async function openAdminEndpoint({
  schema,
  identify,
  logger,
}: AdminEndpointOptions): Promise<AdminEndpoint> {
  const apollo = createApolloServer<RequestContext>({
    executes: { schema },
    formatErrors: createFormatErrors(logger),
    logger,
    maxTokens: MAX_TOKENS,
  });
  await apollo.start();

  async function contextOf({ headers }: FastifyRequest): Promise<RequestContext> {
    const principal = await authenticateHeaders(headers, identify);
    if (isOperator(principal)) return { principal, trace: traceOf(headers) };
    throw new AegisError(
      'FORBIDDEN',
      `expected an operator (the role admin in the workspace ${DEFAULT_WORKSPACE}), got somebody of the workspace ${principal.workspace} with the roles ${JSON.stringify(principal.roles)}.`,
    );
  }

  return {
    route(server) {
      void server.register(async (scope) => {
        const contexts = new WeakMap<FastifyRequest, RequestContext>();
        // Before the body is read.
        scope.addHook('onRequest', async (request) => {
          contexts.set(request, await contextOf(request));
        });
        await scope.register(fastifyApollo(apollo), {
          path: ADMIN_PATH,
          method: ['GET', 'POST'],
          context: async (request) => contexts.get(request) ?? contextOf(request),
        });
      });
    },
    close: () => apollo.stop(),
  };
}

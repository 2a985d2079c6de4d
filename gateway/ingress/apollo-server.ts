import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginUsageReportingDisabled } from '@apollo/server/plugin/disabled';
import type {
  GatewayExecutor,
  GatewayInterface,
  GatewaySchemaLoadOrUpdateCallback,
} from '@apollo/server-gateway-interface';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { toWireError } from '../../kernel/errors/wire-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';
import type { Gateway } from '../gateway.js';
import type { Generation } from '../generation.js';
import type { FormatErrors } from './response-errors.js';

/** What Apollo Server hands from the HTTP request to the execution of its operation. */
export interface HttpContext extends RequestContext {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

export interface ApolloServerOptions {
  readonly gateway: Gateway;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  readonly maxTokens: number;
}

/** Apollo Server as the speaker of GraphQL over HTTP: it reads, validates and writes; the gateway executes. */
export function createApolloServer(options: ApolloServerOptions): ApolloServer<HttpContext> {
  const { gateway, formatErrors, logger, maxTokens } = options;
  return new ApolloServer<HttpContext>({
    gateway: createGatewayInterface(gateway),
    logger,
    nodeEnv: 'production',
    introspection: true,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens },
    formatError: (formatted, error) => formatUnanswered(formatted.message, error, logger),
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      createErrorPlugin(formatErrors),
    ],
  });
}

/** Errors of requests that never became an operation; those of operations are written again by {@link createErrorPlugin}. */
function formatUnanswered(message: string, error: unknown, logger: Logger) {
  const { traceId } = continueTrace(undefined);
  const onMasked = () => {
    logger.debug({ err: error, traceId }, 'a request could not be answered');
  };
  if (error instanceof GraphQLError) return toWireError(error, { traceId, onMasked });
  return toWireError(new GraphQLError(message), { traceId, onMasked });
}

/** Writes the errors of each response with the trace of its request, which `formatError` does not know. */
function createErrorPlugin(formatErrors: FormatErrors): ApolloServerPlugin<HttpContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse({ response, errors, contextValue }) {
          if (errors && response.body.kind === 'single') {
            response.body.singleResult.errors = formatErrors(
              errors as readonly GraphQLError[],
              contextValue.trace,
            );
          }
          return Promise.resolve();
        },
      }),
  };
}

function createGatewayInterface(gateway: Gateway): GatewayInterface {
  /** Apollo Server validates against the schema it was told; the operation is executed by that schema's generation. */
  const generations = new WeakMap<GraphQLSchema, Generation>();
  const listeners = new Set<GatewaySchemaLoadOrUpdateCallback>();

  const executor: GatewayExecutor = async ({ schema, document, request, operation, context }) => {
    if (operation.operation === 'subscription') return { errors: [subscriptionsElsewhere()] };
    const { trace, principal, signal } = context as unknown as HttpContext;
    return gateway.execute({
      generation: generations.get(schema) ?? gateway.current,
      document,
      operationName: request.operationName ?? undefined,
      variables: request.variables,
      context: { trace, principal },
      signal,
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

function subscriptionsElsewhere(): GraphQLError {
  return new GraphQLError(
    'expected a query or a mutation over HTTP; subscriptions are served on the same path over WebSocket (graphql-transport-ws).',
    { extensions: { code: 'BAD_USER_INPUT', retryable: false } },
  );
}

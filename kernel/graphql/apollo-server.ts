import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GatewayInterface } from '@apollo/server-gateway-interface';
import {
  GraphQLError,
  OperationTypeNode,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from 'graphql';
import { ERROR_CODES, isErrorCode } from '../errors/codes.js';
import type { Logger } from '../telemetry/logger.js';
import { continueTrace } from '../telemetry/trace-context.js';
import type { FormatErrors } from './format-errors.js';
import type { RequestContext } from './subgraph.js';

export interface ApolloServerOptions<Context extends RequestContext> {
  /** What executes: a schema with resolvers, or a gateway. */
  readonly executes: { readonly schema: GraphQLSchema } | { readonly gateway: GatewayInterface };
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  /** The most tokens a document may have. */
  readonly maxTokens: number;
  /** Writes a result as JSON; `JSON.stringify` by default. */
  readonly writeResult?: (result: FormattedExecutionResult) => string;
  readonly plugins?: readonly ApolloServerPlugin<Context>[];
  /**
   * True when a plugin finds, reads and keeps the documents: then the server has no persisted queries and no store of its
   * own, and takes arrays of operations, which the plugin has counted. False by default.
   */
  readonly documentsAreRead?: boolean;
}

/** Apollo Server as the speaker of GraphQL over HTTP: it reads, validates and writes. */
export function createApolloServer<Context extends RequestContext>(
  options: ApolloServerOptions<Context>,
): ApolloServer<Context> {
  const { executes, formatErrors, logger, maxTokens, plugins = [], documentsAreRead = false } = options;
  const errorWriting = createErrorWriting<Context>(formatErrors);
  return new ApolloServer<Context>({
    ...executes,
    logger,
    nodeEnv: 'production',
    introspection: true,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxLexicalTokens: maxTokens },
    ...(documentsAreRead
      ? { persistedQueries: false, documentStore: null, allowBatchedHttpRequests: true }
      : {}),
    formatError: errorWriting.formatError,
    ...(options.writeResult ? { stringifyResult: options.writeResult } : {}),
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      refuseSubscriptions,
      errorWriting.plugin,
      ...plugins,
    ],
  });
}

/** Apollo Server would execute a subscription as if it were a query, and answer with nulls. */
const refuseSubscriptions: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ operation }) {
        if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return Promise.resolve();
        throw new GraphQLError(
          'expected a query or a mutation over HTTP; subscriptions are served on the same path over WebSocket (graphql-transport-ws), and by a gateway over HTTP to who accepts text/event-stream.',
          { extensions: { code: 'BAD_USER_INPUT', retryable: false, http: { status: 400 } } },
        );
      },
    }),
};

/**
 * Writes each error once. The errors of an operation are written when its response is sent, for only there the trace of
 * its request is known; `formatError` is left with those of requests that never became an operation.
 */
function createErrorWriting<Context extends RequestContext>(formatErrors: FormatErrors) {
  const ofOperations = new WeakSet<object>();

  function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
    if (error instanceof GraphQLError && ofOperations.has(error)) return formatted;
    const originalError = error instanceof Error ? error : new Error(formatted.message);
    const known =
      error instanceof GraphQLError ? error : new GraphQLError('a request failed', { originalError });
    return formatErrors([known], continueTrace(undefined))[0] ?? formatted;
  }

  const plugin: ApolloServerPlugin<Context> = {
    requestDidStart: () =>
      Promise.resolve({
        didEncounterErrors({ errors }) {
          for (const error of errors) ofOperations.add(error);
          return Promise.resolve();
        },
        willSendResponse({ response, errors, contextValue }) {
          const { body, http } = response;
          if (!errors || body.kind !== 'single') return Promise.resolve();
          const written = formatErrors(errors, contextValue.trace);
          body.singleResult.errors = written;
          const code = written[0]?.extensions?.['code'];
          // Apollo Server takes whatever has no data for the client's mistake, or for the server's.
          if (body.singleResult.data === undefined && isErrorCode(code)) {
            http.status = ERROR_CODES[code].httpStatus;
          }
          return Promise.resolve();
        },
      }),
  };
  return { formatError, plugin };
}

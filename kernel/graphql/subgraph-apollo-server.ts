import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { GraphQLError, OperationTypeNode, type GraphQLSchema } from 'graphql';
import { Histogram } from 'prom-client';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { continueTrace } from '../telemetry/trace-context.js';
import type { FormatErrors } from './format-errors.js';
import type { RequestContext } from './subgraph.js';

export interface SubgraphApolloServerOptions {
  readonly schema: GraphQLSchema;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly maxTokens: number;
}

/** Apollo Server as a subgraph's speaker of GraphQL over HTTP. */
export function createSubgraphApolloServer(
  options: SubgraphApolloServerOptions,
): ApolloServer<RequestContext> {
  const { schema, formatErrors, logger, metrics, maxTokens } = options;
  return new ApolloServer<RequestContext>({
    schema,
    logger,
    nodeEnv: 'production',
    introspection: true,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxLexicalTokens: maxTokens },
    // Errors of requests that never became an operation; those of operations are written by the plugin, with their trace.
    formatError: (formatted, error) => {
      const known = error instanceof GraphQLError ? error : new GraphQLError(formatted.message);
      return formatErrors([known], continueTrace(undefined))[0] ?? formatted;
    },
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      refuseSubscriptions,
      createErrorPlugin(formatErrors),
      createMetricsPlugin(metrics),
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
          'expected a query or a mutation over HTTP; subscriptions are served on the same path over WebSocket (graphql-transport-ws).',
          { extensions: { code: 'BAD_USER_INPUT', retryable: false, http: { status: 400 } } },
        );
      },
    }),
};

function createErrorPlugin(formatErrors: FormatErrors): ApolloServerPlugin<RequestContext> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse({ response, errors, contextValue }) {
          if (errors && response.body.kind === 'single') {
            response.body.singleResult.errors = formatErrors(errors, contextValue.trace);
          }
          return Promise.resolve();
        },
      }),
  };
}

function createMetricsPlugin(metrics: Metrics): ApolloServerPlugin<RequestContext> {
  const seconds = new Histogram({
    name: 'aegis_subgraph_operation_seconds',
    help: 'Time from the arrival of an operation over HTTP to its answer, in seconds',
    labelNames: ['operation', 'outcome'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [metrics],
  });
  return {
    requestDidStart() {
      const stop = seconds.startTimer();
      return Promise.resolve({
        willSendResponse({ operation, errors }) {
          stop({ operation: operation?.operation ?? 'none', outcome: errors ? 'errors' : 'success' });
          return Promise.resolve();
        },
      });
    },
  };
}

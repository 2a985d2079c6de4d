import type { ApolloServer, ApolloServerPlugin } from '@apollo/server';
import type { GraphQLSchema } from 'graphql';
import { Histogram } from 'prom-client';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { createApolloServer } from './apollo-server.js';
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
export function createSubgraphApolloServer({
  schema,
  metrics,
  ...options
}: SubgraphApolloServerOptions): ApolloServer<RequestContext> {
  return createApolloServer<RequestContext>({
    ...options,
    executes: { schema },
    plugins: [createMetricsPlugin(metrics)],
  });
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

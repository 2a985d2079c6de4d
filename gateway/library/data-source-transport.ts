import type { GatewayGraphQLRequestContext } from '@apollo/server-gateway-interface';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { SubgraphSubscriber } from '../transports/subgraph-subscriber.js';
import { readSubgraphResponse } from '../transports/read-response.js';
import {
  readVariables,
  type SubgraphRequest,
  type SubgraphResponse,
  type Transport,
} from '../transports/transport.js';
import { REQUEST_KIND, type DataSourceProcessOptions, type GraphQLDataSource } from './data-source.js';
import { incomingOf } from './incoming-request.js';

export interface DataSourceTransportOptions {
  readonly subgraph: string;
  readonly dataSource: GraphQLDataSource;
  /** For subscriptions, which data sources know nothing of. */
  readonly subscriber: SubgraphSubscriber;
  readonly logger: Logger;
}

/**
 * Calls a subgraph by its data source. Each fetch is one call of `process`: equal ones are not joined, for its hooks may
 * do something else for each client.
 */
export function createDataSourceTransport(options: DataSourceTransportOptions): Transport {
  const { subgraph, dataSource, subscriber } = options;

  async function process(request: SubgraphRequest): Promise<SubgraphResponse> {
    const incoming = incomingOf(request.context);
    try {
      // What is thrown before there is a promise is a rejection, too.
      const answer = await untilAborted(
        (async () => dataSource.process(toProcessOptions(request, incoming)))(),
        request.signal,
      );
      const response = readSubgraphResponse(answer);
      if (response) return response;
    } catch (error) {
      return explainFailure(error, options);
    }
    throw new AegisError(
      'UPSTREAM_FAILED',
      `subgraph ${subgraph}: expected its data source to give data or errors, got neither.`,
    );
  }

  return {
    async execute(request) {
      const response = await process(request);
      noteErrorPaths(response.errors, subgraph, incomingOf(request.context));
      return response;
    },
    subscribe: (request) => subscriber.subscribe(request),
    async health(signal) {
      try {
        const request = { query: '{ __typename }' };
        const asked = dataSource.process({ kind: REQUEST_KIND.healthCheck, request, context: {} });
        await untilAborted(asked, signal);
        return { state: 'UP' };
      } catch (error) {
        return { state: 'DOWN', reason: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => subscriber.close(),
  };
}

function toProcessOptions(
  asked: SubgraphRequest,
  incoming: GatewayGraphQLRequestContext | undefined,
): DataSourceProcessOptions {
  const { operation } = asked;
  const { text: query, name: operationName } = operation;
  return {
    kind: REQUEST_KIND.incomingOperation,
    request: {
      query,
      variables: readVariables(asked),
      ...(operationName === undefined ? {} : { operationName }),
    },
    incomingRequestContext: incoming,
    context: incoming?.context ?? {},
    get document() {
      return operation.document;
    },
  };
}

/**
 * What came of a data source that threw. A GraphQL error is meant for the client, as if the subgraph had said it;
 * anything else is masked and logged, unless it says that the subgraph could not be reached.
 */
function explainFailure(error: unknown, { subgraph, logger }: DataSourceTransportOptions): SubgraphResponse {
  if (error instanceof AegisError) throw error;
  if (isGraphQLError(error)) {
    const { message, extensions } = error;
    return { data: null, errors: [{ message, extensions: { ...extensions } }] };
  }
  logger.error({ err: error, subgraph }, `the data source of subgraph ${subgraph} failed`);
  const code = networkCodeOf(error);
  if (code === undefined) throw error;
  throw new AegisError('UPSTREAM_FAILED', `subgraph ${subgraph} could not be reached (${code}).`, {
    cause: error,
  });
}

/** Also one that another copy of graphql-js has made. */
function isGraphQLError(error: unknown): error is GraphQLError {
  return error instanceof GraphQLError || (error instanceof Error && error.name === 'GraphQLError');
}

/** Such as ECONNREFUSED: of the error itself (node-fetch), or of its cause (fetch). */
function networkCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && /^(E[A-Z]+|UND_ERR_[A-Z_]+)$/.test(code)) return code;
  return networkCodeOf(error.cause);
}

/** Usage reporting counts errors of subgraphs by these. */
function noteErrorPaths(
  errors: readonly GraphQLFormattedError[] | undefined,
  subgraph: string,
  incoming: GatewayGraphQLRequestContext | undefined,
): void {
  if (!errors || errors.length === 0 || !incoming) return;
  const paths = errors.map(({ path }) => ({ subgraph, path }));
  incoming.metrics.nonFtv1ErrorPaths = [...(incoming.metrics.nonFtv1ErrorPaths ?? []), ...paths];
}

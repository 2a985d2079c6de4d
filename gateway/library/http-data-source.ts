import type { GraphQLFormattedError } from 'graphql';
import { readSubgraphResponse } from '../transports/read-response.js';
import type { GraphQLDataSource, ServiceEndpointDefinition } from './data-source.js';

export interface HttpDataSourceOptions {
  readonly definition: ServiceEndpointDefinition;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Asks a subgraph over HTTP for what is no client's operation: its schema, or whether it answers.
 *
 * Errors: when the subgraph has no address, and of `process` when no GraphQL response comes.
 */
export function createHttpDataSource({ definition, timeoutMs }: HttpDataSourceOptions): GraphQLDataSource {
  const { name, url } = definition;
  if (url === undefined || !/^https?:/.test(url)) {
    throw new Error(
      `subgraph ${name}: expected an address such as http://host:4001/graphql, got "${url ?? ''}". ` +
        'Give `buildService` when it is reached in another way.',
    );
  }
  return {
    async process({ request }) {
      const { http, query, variables, operationName } = request;
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          ...Object.fromEntries(http?.headers ?? []),
          'content-type': 'application/json',
          accept: 'application/graphql-response+json, application/json;q=0.9',
        },
        body: JSON.stringify({ query, variables, operationName }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const { status, headers } = response;
      const read = readSubgraphResponse(await response.json().catch(() => undefined));
      if (!read) throw new Error(`subgraph ${name}: expected a GraphQL response, got HTTP ${status}.`);
      const errors: readonly GraphQLFormattedError[] | undefined = read.errors;
      return { data: read.data ?? null, ...(errors && { errors }), http: { status, headers } };
    },
  };
}

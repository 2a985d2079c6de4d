import type { GatewayGraphQLRequestContext, GatewayGraphQLResponse } from '@apollo/server-gateway-interface';
import type { DocumentNode } from 'graphql';

/** Why a data source is asked; the values are those of `GraphQLDataSourceRequestKind` of `@apollo/gateway`. */
export const REQUEST_KIND = {
  incomingOperation: 'incoming operation',
  healthCheck: 'health check',
  loadingSchema: 'loading schema',
} as const;

/** What a data source is asked. */
export interface DataSourceProcessOptions {
  /** One of {@link REQUEST_KIND}; as a string, since the enum of `@apollo/gateway` is no union of literals. */
  readonly kind: string;
  /** What to send to the subgraph: `query`, `variables`, `operationName`. A hook may add to it. */
  readonly request: GatewayGraphQLRequestContext['request'];
  /** The client's operation; undefined for health checks and while a schema is loaded. */
  readonly incomingRequestContext?: GatewayGraphQLRequestContext | undefined;
  /** What the `context` function of Apollo Server made; empty for health checks and while a schema is loaded. */
  readonly context: Record<string, unknown>;
  /** `request.query`, parsed. */
  readonly document?: DocumentNode | undefined;
}

/**
 * How fetches reach one subgraph, as `@apollo/gateway` knows it: its `RemoteGraphQLDataSource`, `LocalGraphQLDataSource`
 * and whatever else has this form.
 */
export interface GraphQLDataSource {
  process(options: DataSourceProcessOptions): Promise<GatewayGraphQLResponse>;
}

/** A subgraph's name, and its address as the supergraph has it. */
export interface ServiceEndpointDefinition {
  name: string;
  url?: string;
}

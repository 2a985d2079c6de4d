import type { GraphQLSchema } from 'graphql';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { OperationLimitSettings } from '../planning/operation-limit-settings.js';
import type { GraphQLDataSource, ServiceEndpointDefinition } from './data-source.js';
import type { GatewayLogger } from './bridge-logger.js';

/** What a hook that brings the supergraph is given. */
export interface SupergraphSdlHookOptions {
  /**
   * Takes another supergraph. Resolves once new operations see it; those who do not wait find a refusal in the log.
   *
   * Errors: when it cannot be served, and nothing has changed; when the gateway has been stopped.
   */
  update: (updatedSupergraphSdl: string) => Promise<void>;
  /** Asks each subgraph of a supergraph whether it answers. Errors: when one does not. */
  healthCheck: (supergraphSdl: string) => Promise<void>;
  getDataSource: (definition: ServiceEndpointDefinition) => GraphQLDataSource;
}

/** Brings the first supergraph, and may `update` it from then on until its `cleanup` is called. */
export type SupergraphSdlHook = (options: SupergraphSdlHookOptions) => Promise<{
  supergraphSdl: string;
  cleanup?: () => Promise<void>;
}>;

/** A hook with a state of its own, such as `IntrospectAndCompose` of `@apollo/gateway`. */
export interface SupergraphManager {
  initialize: SupergraphSdlHook;
}

/** A supergraph as observers of changes see it. */
export interface SupergraphInfo {
  /** What clients see. */
  readonly schema: GraphQLSchema;
  /** The SHA-256 of the SDL, its first 16 hexadecimal digits. */
  readonly compositionId: string;
  readonly supergraphSdl: string;
}

/** What `new AegisGateway` takes: the options of `ApolloGateway` that mean something here, and a few of ours. */
export interface AegisGatewayConfig {
  /** The supergraph: its SDL, or what brings it. */
  supergraphSdl: string | SupergraphSdlHook | SupergraphManager;
  /** Makes the data source of a subgraph, once for each name and address; by default subgraphs are called over HTTP. */
  buildService?: ((definition: ServiceEndpointDefinition) => GraphQLDataSource) | undefined;
  /** Where to log; JSON lines on standard output by default. */
  logger?: GatewayLogger | undefined;
  /** Logs more when no `logger` is given. */
  debug?: boolean | undefined;
  /** Whether all subgraphs must answer before the first supergraph is taken. */
  serviceHealthCheck?: boolean | undefined;
  /** Told of each supergraph that was taken. */
  experimental_didUpdateSupergraph?:
    ((current: SupergraphInfo, previous?: SupergraphInfo) => void) | undefined;
  /** How long a query or mutation may take, in milliseconds; 30,000 by default. */
  operationTimeoutMs?: number | undefined;
  /** How long one request to a subgraph may take without `buildService`, in milliseconds; 10,000 by default. */
  subgraphTimeoutMs?: number | undefined;
  /** The most connections to one subgraph without `buildService`; 128 by default. */
  subgraphConnections?: number | undefined;
  /** The largest answer of a subgraph that is read without `buildService`, in bytes; 50 MiB by default. */
  maxResponseBytes?: number | undefined;
  /** How many operations keep their plans; 1,000 by default. */
  planCacheSize?: number | undefined;
  /** What one operation may ask for at most; by default 2,000 selections once its fragments are spread, and no more limits. */
  limits?: Partial<OperationLimitSettings> | undefined;
  /** Whether supergraphs are read and operations planned in a thread of their own; true by default. Bundlers may need false. */
  planningThread?: boolean | undefined;
  /** The Prometheus registry of `prom-client` that the gateway's metrics go to; one of its own by default. */
  metrics?: Metrics | undefined;
  /** What a subgraph is told when the gateway opens a WebSocket to it for a subscription; nothing by default. */
  connectionParams?: ((subscription: ConnectionParamsInput) => Record<string, string>) | undefined;
}

/** Whose subscription it is, and where it goes. */
export interface ConnectionParamsInput {
  /** The subgraph's name. */
  readonly name: string;
  /** The context of the client's operation. */
  readonly context: Record<string, unknown>;
}

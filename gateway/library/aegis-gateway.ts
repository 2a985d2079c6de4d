import { setMaxListeners } from 'node:events';
import type {
  GatewayExecutor,
  GatewayInterface,
  GatewayLoadResult,
  GatewaySchemaLoadOrUpdateCallback,
  GatewayUnsubscriber,
} from '@apollo/server-gateway-interface';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { Registry } from 'prom-client';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { createGateway, type Gateway, type GatewayOptions } from '../gateway.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { Generation } from '../generation.js';
import { createInThreadPlanning } from '../planning/in-thread-planning.js';
import { OPERATION_LIMITS, type OperationLimitSettings } from '../planning/operation-limit-settings.js';
import type { Planning } from '../planning/planning.js';
import { createThreadedPlanning } from '../planning/threaded-planning.js';
import { bridgeLogger } from './bridge-logger.js';
import { checkConfig } from './check-config.js';
import { createDataSources, type DataSources } from './data-sources.js';
import type { AegisGatewayConfig, SupergraphInfo, SupergraphManager } from './gateway-config.js';
import { incomingFromArguments, type OperationArguments } from './incoming-from-arguments.js';
import { openIncomingContext } from './incoming-request.js';
import { createOpenTransport } from './open-transport.js';
import { createSupergraphSource, type SupergraphSource } from './supergraph-source.js';

// What users of the package need by name: its inside is not for them to import.
export { GatewayConfigInvalid } from './check-config.js';
export type {
  AegisGatewayConfig,
  SupergraphInfo,
  SupergraphManager,
  SupergraphSdlHook,
  SupergraphSdlHookOptions,
} from './gateway-config.js';
export type {
  DataSourceProcessOptions,
  GraphQLDataSource,
  ServiceEndpointDefinition,
} from './data-source.js';

const OPERATION_TIMEOUT_MS = 30_000;
const SUBGRAPH_TIMEOUT_MS = 10_000;
const PLAN_CACHE_SIZE = 1_000;

/** Who comes from another gateway has operations that no limit was set to; but planning the longest would hold up all. */
const LIMITS: OperationLimitSettings = {
  ...OPERATION_LIMITS,
  maxTokens: Infinity,
  maxDepth: Infinity,
  maxIntrospectionDepth: Infinity,
  maxAliases: Infinity,
  maxRootFields: Infinity,
  maxDirectives: Infinity,
  maxRecursion: Infinity,
  maxListSize: Infinity,
};

/**
 * The gateway for anybody's Apollo Server: `new ApolloServer({ gateway: new AegisGateway({ supergraphSdl }) })`. It takes
 * the place of `ApolloGateway` of `@apollo/gateway`; gateway/README.md says what differs.
 *
 * Errors: GatewayConfigInvalid when it is not known where the supergraph comes from.
 */
export class AegisGateway implements GatewayInterface {
  readonly #config: AegisGatewayConfig;
  readonly #logger: Logger;
  readonly #dataSources: DataSources;
  readonly #planning: Planning;
  readonly #source: SupergraphSource;
  readonly #listeners = new Set<GatewaySchemaLoadOrUpdateCallback>();
  /** An operation is executed by the generation of the schema that it was validated against. */
  readonly #generations = new WeakMap<GraphQLSchema, Generation>();
  readonly #stopping = new AbortController();
  #gateway: Gateway | undefined;
  #previous: SupergraphInfo | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: AegisGatewayConfig) {
    this.#config = config;
    this.#logger = bridgeLogger(config);
    checkConfig({ ...config }, this.#logger);
    // One listener for each subscription.
    setMaxListeners(0, this.#stopping.signal);
    const logger = this.#logger;
    this.#planning =
      config.planningThread === false ? createInThreadPlanning() : createThreadedPlanning({ logger });
    const { buildService, subgraphTimeoutMs: timeoutMs = SUBGRAPH_TIMEOUT_MS } = config;
    this.#dataSources = createDataSources({ buildService, timeoutMs });
    const healthCheck = (supergraphSdl: string) => this.#checkHealth(supergraphSdl);
    this.#source = createSupergraphSource({
      supergraphSdl: config.supergraphSdl,
      take: (supergraphSdl) => this.#take(supergraphSdl),
      check: config.serviceHealthCheck === true ? healthCheck : undefined,
      hooks: { healthCheck, getDataSource: (definition) => this.#dataSources.get(definition) },
      logger,
    });
  }

  /** The gateway behind it, for servers other than Apollo Server. Errors: before `load`. */
  get gateway(): Gateway {
    if (this.#gateway) return this.#gateway;
    throw new Error('expected a gateway that is loaded: call `load`, or `start` of Apollo Server, first.');
  }

  /** What clients see now; undefined before `load`. */
  get schema(): GraphQLSchema | undefined {
    return this.#gateway?.current.snapshot.apiSchema;
  }

  /** What brings the supergraph; undefined before `load`. */
  get supergraphManager(): SupergraphManager | undefined {
    return this.#source.manager;
  }

  /** Executes a valid query or mutation that has come through Apollo Server. Never rejects. */
  readonly executor: GatewayExecutor = (incoming) => {
    const { schema, document, request } = incoming;
    return this.gateway.execute({
      generation: this.#generationOf(schema),
      document,
      operationName: request.operationName ?? undefined,
      variables: request.variables,
      context: openIncomingContext(incoming),
      signal: new AbortController().signal,
    });
  };

  /** The same for who asks with each operation. Errors: before `load`. */
  readonly currentSchema = (): GraphQLSchema => this.gateway.current.snapshot.apiSchema;

  /** `execute` of graphql-js for valid operations, for servers of other protocols such as graphql-ws. */
  readonly execute = (args: OperationArguments): Promise<ExecutionResult> =>
    this.gateway.execute(this.#toOperation(args, new AbortController().signal));

  /** `subscribe` of graphql-js for valid operations; `stop` ends what it returns. */
  readonly subscribe = (
    args: OperationArguments,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> =>
    this.gateway.subscribe(this.#toOperation(args, this.#stopping.signal));

  /** Tells of the supergraph that is loaded, and of each later one; the returned function ends it. */
  onSchemaLoadOrUpdate(callback: GatewaySchemaLoadOrUpdateCallback): GatewayUnsubscriber {
    this.#listeners.add(callback);
    return () => {
      this.#listeners.delete(callback);
    };
  }

  /** Takes the first supergraph; Apollo Server calls it. Errors: what keeps it from coming or being served. */
  async load(options?: { apollo?: { key?: string; graphRef?: string } }): Promise<GatewayLoadResult> {
    const { key, graphRef } = options?.apollo ?? {};
    if (key !== undefined && graphRef !== undefined)
      this.#logger.warn('`supergraphSdl` is taken, and not the managed supergraph of APOLLO_GRAPH_REF.');
    await this.#source.load();
    return { executor: this.executor };
  }

  /** Ends subscriptions, lets the rest finish, and closes all connections. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Asks each subgraph whether it answers. Errors: when one does not, or before `load`. */
  async serviceHealthCheck(): Promise<void> {
    await this.#dataSources.check(this.gateway.current.snapshot.subgraphs);
  }

  async #stop(): Promise<void> {
    await this.#source.stop();
    this.#stopping.abort();
    await this.#gateway?.close();
    await this.#planning.close();
  }

  async #checkHealth(supergraphSdl: string): Promise<void> {
    const { snapshot, close } = await this.#planning.open(supergraphSdl);
    close();
    try {
      await this.#dataSources.check(snapshot.subgraphs);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`expected every subgraph of the supergraph to answer, but: ${reason}`, { cause });
    }
  }

  async #take(supergraphSdl: string): Promise<void> {
    if (this.#gateway) {
      await this.#gateway.swap(supergraphSdl);
      return;
    }
    const supergraph = await this.#planning.open(supergraphSdl);
    if (this.#stopping.signal.aborted) {
      supergraph.close();
      throw new Error('the gateway was stopped before its first supergraph had come.');
    }
    this.#gateway = createGateway({ ...this.#gatewayOptions(), supergraph });
    this.#gateway.onGeneration((generation) => {
      this.#announce(generation);
    });
  }

  #gatewayOptions(): Omit<GatewayOptions, 'supergraph'> {
    const { limits, subgraphTimeoutMs: timeoutMs = SUBGRAPH_TIMEOUT_MS } = this.#config;
    const { operationTimeoutMs = OPERATION_TIMEOUT_MS, planCacheSize = PLAN_CACHE_SIZE } = this.#config;
    const logger = this.#logger;
    return {
      ...LIMITS,
      ...limits,
      planning: this.#planning,
      openTransport: createOpenTransport({
        config: this.#config,
        dataSources: this.#dataSources,
        timeoutMs,
        logger,
      }),
      logger,
      metrics: this.#config.metrics ?? new Registry(),
      operationTimeoutMs,
      planCacheSize,
    };
  }

  #announce(generation: Generation): void {
    const { apiSchema: schema, sdl: supergraphSdl, id: compositionId } = generation.snapshot;
    this.#generations.set(schema, generation);
    for (const listener of this.#listeners) {
      this.#tell(() => {
        listener({ apiSchema: schema, coreSupergraphSdl: supergraphSdl });
      });
    }
    const current: SupergraphInfo = { schema, compositionId, supergraphSdl };
    const previous = this.#previous;
    this.#previous = current;
    this.#tell(() => this.#config.experimental_didUpdateSupergraph?.(current, previous));
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#logger.error({ err: error }, 'a listener did not take the new supergraph');
    }
  }

  #generationOf(schema: GraphQLSchema): Generation {
    return this.#generations.get(schema) ?? this.gateway.current;
  }

  #toOperation(args: OperationArguments, signal: AbortSignal): GatewayOperation {
    return {
      generation: this.#generationOf(args.schema),
      document: args.document,
      operationName: args.operationName ?? undefined,
      variables: args.variableValues,
      context: openIncomingContext(incomingFromArguments(args, this.#logger)),
      signal,
    };
  }
}

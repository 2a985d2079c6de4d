import { GraphQLError, type ExecutionResult } from 'graphql';
import { AegisError } from '../kernel/errors/aegis-error.js';
import type { Health } from '../kernel/graphql/subgraph.js';
import { untilAborted } from '../kernel/lifecycle/until-aborted.js';
import type { Logger } from '../kernel/telemetry/logger.js';
import type { Metrics } from '../kernel/telemetry/metrics.js';
import type { Tracing } from '../kernel/telemetry/tracing.js';
import type { Caching } from './caching/caching.js';
import { createOperationUsage, type OperationUsage } from './execution/operation-usage.js';
import { createCoalescing } from './coalesce-queries.js';
import type { IncrementalResult } from './execution/incremental-result.js';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.js';
import type { GatewayOperation } from './gateway-operation.js';
import { createGeneration, type Generation } from './generation.js';
import { createGenerationLine } from './generation-line.js';
import { createOperationRunner, type GatewaySubscription } from './operation-runner.js';
import type { OperationLimitSettings } from './planning/operation-limit-settings.js';
import type { PlannedSupergraph, Planning } from './planning/planning.js';
import type { SubgraphAddress } from './supergraph/snapshot.js';
import { tellUnknownOverrides } from './tell-unknown-overrides.js';
import { countFetches } from './transports/count-fetches.js';
import { traceFetches } from './transports/trace-fetches.js';
import { createTransportPool } from './transports/transport-pool.js';
import type { Transport } from './transports/transport.js';

/** Executes operations over the subgraphs of a supergraph that may be exchanged while it runs. */
export interface Gateway {
  /** The generation that new operations begin with. */
  readonly current: Generation;
  readonly metrics: GatewayMetrics;
  /** What clients use of the schema. */
  readonly usage: OperationUsage;
  /** Executes a query or a mutation. Never throws: whatever goes wrong is in the result. */
  execute(operation: GatewayOperation): Promise<ExecutionResult>;
  /** Executes a query or a mutation whose deferred parts (`@defer`) may come later. Never throws. */
  executeIncrementally(operation: GatewayOperation): Promise<ExecutionResult | IncrementalResult>;
  /** Begins a subscription: its events, or the errors that kept it from beginning. Never throws. */
  subscribe(operation: GatewayOperation): Promise<GatewaySubscription | ExecutionResult>;
  /**
   * Takes another supergraph for all operations that begin once it is read and the operations that are executed most are
   * planned for it; several are taken in their order.
   *
   * Errors: SupergraphInvalid, and nothing has changed; UNAVAILABLE when the gateway is stopping.
   */
  swap(supergraph: string | PlannedSupergraph): Promise<Generation>;
  /** Tells of each generation, the current one first; the returned function ends it. */
  onGeneration(listener: (generation: Generation) => void): () => void;
  /** Asks each subgraph of the current supergraph whether it answers. */
  checkSubgraphs(): Promise<ReadonlyMap<string, Health>>;
  /** Takes no more operations, and resolves when the last one has ended and all transports are closed. */
  close(): Promise<void>;
}

export interface GatewayOptions extends Partial<OperationLimitSettings> {
  /** The first one. */
  readonly supergraph: PlannedSupergraph;
  /** Reads those that follow. It belongs to whoever gives it, who closes it after the gateway. */
  readonly planning: Pick<Planning, 'open'>;
  readonly openTransport: (address: SubgraphAddress) => Transport;
  /** What is kept of answers; it belongs to whoever gives it, who closes it after the gateway. Nothing by default. */
  readonly caching?: Caching | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Tells of plans, fetches and events; nothing does by default. */
  readonly tracing?: Tracing | undefined;
  /** How long a query or mutation may take, in milliseconds; what is not there by then is null with an error. */
  readonly operationTimeoutMs: number;
  /** How many operations keep their plans. */
  readonly planCacheSize: number;
  /** The labels under which fields have moved to their new subgraph (`@override(label:)`); none by default. */
  readonly activeOverrides?: readonly string[] | undefined;
  /** Whether equal queries that are under way at one time are executed once; they are not by default. */
  readonly coalesceQueries?: boolean | undefined;
  /** How many operations are planned for another supergraph before it is taken; 100 by default. */
  readonly warmOperations?: number;
  /** How long that may take, in milliseconds; 5,000 by default. */
  readonly warmUpMs?: number;
}

const WARM_OPERATIONS = 100;
const WARM_UP_MS = 5_000;
const HEALTH_TIMEOUT_MS = 2_000;

/** Errors: SupergraphInvalid when the supergraph cannot be served. */
export function createGateway({ supergraph: first, ...options }: GatewayOptions): Gateway {
  const { openTransport, caching, tracing, logger, planCacheSize: cacheSize, operationTimeoutMs } = options;
  const metrics = createGatewayMetrics(options.metrics);
  const pool = createTransportPool((address) => {
    const opened = openTransport(address);
    const traced = tracing ? traceFetches(opened, address.name, tracing) : opened;
    const transport = countFetches(traced, address.name, metrics.fetches);
    return caching ? caching.wrap(transport, address) : transport;
  });
  const usage = createOperationUsage();
  const activeOverrides = new Set(options.activeOverrides);
  const line = createGenerationLine({
    first,
    planning: options.planning,
    create: (supergraph) =>
      createGeneration({
        supergraph,
        pool,
        metrics,
        cacheSize,
        operationTimeoutMs,
        limits: options,
        activeOverrides,
      }),
    usage,
    warmOperations: options.warmOperations ?? WARM_OPERATIONS,
    warmUpMs: options.warmUpMs ?? WARM_UP_MS,
    logger,
  });
  line.onGeneration(({ snapshot }) => {
    tellUnknownOverrides(activeOverrides, snapshot, logger);
  });
  let closed = false;
  const running = createOperationRunner(metrics, usage, {
    tracing,
    responses: caching?.responses,
    coalesce: options.coalesceQueries ? createCoalescing(() => caching?.invalidation.count ?? 0) : undefined,
  });

  function refuseWhenClosed(): { errors: GraphQLError[] } | undefined {
    if (!closed) return undefined;
    const { message, extensions } = describeStop();
    return { errors: [new GraphQLError(message, { extensions })] };
  }

  return {
    get current() {
      return line.current;
    },
    metrics,
    usage,
    execute: async (operation) => refuseWhenClosed() ?? running.execute(operation),
    executeIncrementally: async (operation) => refuseWhenClosed() ?? running.executeIncrementally(operation),
    subscribe: async (operation) => refuseWhenClosed() ?? running.subscribe(operation),
    swap: (supergraph) => line.swap(supergraph),
    onGeneration: (listener) => line.onGeneration(listener),
    async checkSubgraphs() {
      const checks = [...line.current.transports].map(
        async ([name, transport]) => [name, await checkHealth(transport)] as const,
      );
      return new Map(await Promise.all(checks));
    },
    async close() {
      closed = true;
      line.close();
      await pool.drained();
    },
  };
}

function describeStop(): AegisError {
  return new AegisError('UNAVAILABLE', 'the gateway is stopping.');
}

async function checkHealth(transport: Transport): Promise<Health> {
  const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  try {
    return await untilAborted(transport.health(signal), signal);
  } catch (error) {
    const reason = signal.aborted
      ? `it did not say within ${HEALTH_TIMEOUT_MS} ms how it is.`
      : `it could not say how it is: ${error instanceof Error ? error.message : String(error)}`;
    return { state: 'DOWN', reason };
  }
}

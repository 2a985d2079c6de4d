import { GraphQLError, type ExecutionResult } from 'graphql';
import { AegisError } from '../kernel/errors/aegis-error.js';
import type { Health } from '../kernel/graphql/subgraph.js';
import { untilAborted } from '../kernel/lifecycle/until-aborted.js';
import type { Logger } from '../kernel/telemetry/logger.js';
import type { Metrics } from '../kernel/telemetry/metrics.js';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.js';
import type { GatewayOperation } from './gateway-operation.js';
import { createGeneration, type Generation } from './generation.js';
import { createOperationRunner } from './operation-runner.js';
import type { OperationLimitSettings } from './planning/operation-limit-settings.js';
import type { PlannedSupergraph, Planning } from './planning/planning.js';
import { SupergraphInvalid, type SubgraphAddress } from './supergraph/snapshot.js';
import { countFetches } from './transports/count-fetches.js';
import { createTransportPool } from './transports/transport-pool.js';
import type { Transport } from './transports/transport.js';

/** Executes operations over the subgraphs of a supergraph that may be exchanged while it runs. */
export interface Gateway {
  /** The generation that new operations begin with. */
  readonly current: Generation;
  readonly metrics: GatewayMetrics;
  /** Executes a query or a mutation. Never throws: whatever goes wrong is in the result. */
  execute(operation: GatewayOperation): Promise<ExecutionResult>;
  /** Begins a subscription: its events, or the errors that kept it from beginning. Never throws. */
  subscribe(operation: GatewayOperation): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
  /**
   * Takes another supergraph for all operations that begin once it is read; several are taken in their order.
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
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How long a query or mutation may take, in milliseconds; what is not there by then is null with an error. */
  readonly operationTimeoutMs: number;
  /** How many operations keep their plans. */
  readonly planCacheSize: number;
}

const HEALTH_TIMEOUT_MS = 2_000;

/** Errors: SupergraphInvalid when the supergraph cannot be served. */
export function createGateway(options: GatewayOptions): Gateway {
  const { openTransport, logger, planCacheSize: cacheSize, operationTimeoutMs } = options;
  const metrics = createGatewayMetrics(options.metrics);
  const pool = createTransportPool((address) =>
    countFetches(openTransport(address), address.name, metrics.fetches),
  );
  const listeners = new Set<(generation: Generation) => void>();
  let current = open(options.supergraph);
  let closed = false;
  let swapping: Promise<unknown> = Promise.resolve();

  function open(supergraph: PlannedSupergraph): Generation {
    try {
      return createGeneration({ supergraph, pool, metrics, cacheSize, operationTimeoutMs, limits: options });
    } catch (error) {
      supergraph.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new SupergraphInvalid(`the supergraph cannot be served: ${reason}`, { cause: error });
    }
  }

  function tell(listener: (generation: Generation) => void, generation: Generation): void {
    try {
      listener(generation);
    } catch (error) {
      logger.error({ err: error }, 'a part of the server did not take the new supergraph');
    }
  }

  const running = createOperationRunner(metrics);

  async function swap(supergraph: string | PlannedSupergraph): Promise<Generation> {
    const sdl = typeof supergraph === 'string' ? supergraph : supergraph.snapshot.sdl;
    if (!closed && sdl === current.snapshot.sdl) return current;
    const read = typeof supergraph === 'string' ? await options.planning.open(sdl) : supergraph;
    if (closed) {
      read.close();
      throw describeStop();
    }
    return take(open(read));
  }

  function take(next: Generation): Generation {
    const previous = current;
    current = next;
    for (const listener of listeners) tell(listener, next);
    previous.retire();
    logger.info({ supergraph: next.snapshot.id, before: previous.snapshot.id }, 'took another supergraph');
    return next;
  }

  function refuseWhenClosed(): { errors: GraphQLError[] } | undefined {
    if (!closed) return undefined;
    const { message, extensions } = describeStop();
    return { errors: [new GraphQLError(message, { extensions })] };
  }

  return {
    get current() {
      return current;
    },
    metrics,
    execute: async (operation) => refuseWhenClosed() ?? running.execute(operation),
    subscribe: async (operation) => refuseWhenClosed() ?? running.subscribe(operation),
    swap(supergraph) {
      const swapped = swapping.then(() => swap(supergraph));
      swapping = swapped.catch(() => undefined);
      return swapped;
    },
    onGeneration(listener) {
      listeners.add(listener);
      listener(current);
      return () => listeners.delete(listener);
    },
    async checkSubgraphs() {
      const checks = [...current.transports].map(
        async ([name, transport]) => [name, await checkHealth(transport)] as const,
      );
      return new Map(await Promise.all(checks));
    },
    async close() {
      closed = true;
      current.retire();
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

import { GraphQLError, type DocumentNode, type ExecutionResult } from 'graphql';
import { AegisError } from '../kernel/errors/aegis-error.js';
import type { Health, RequestContext } from '../kernel/graphql/subgraph.js';
import { interruptible } from '../kernel/streams/interruptible.js';
import { mapIterator } from '../kernel/streams/map-iterator.js';
import type { Logger } from '../kernel/telemetry/logger.js';
import type { Metrics } from '../kernel/telemetry/metrics.js';
import type { PreparedOperation } from './execution/executor.js';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.js';
import { createGeneration, type Generation } from './generation.js';
import { readSupergraph, type SubgraphAddress } from './supergraph/snapshot.js';
import { countFetches } from './transports/count-fetches.js';
import { createTransportPool } from './transports/transport-pool.js';
import type { Transport } from './transports/transport.js';

/** A valid operation and what comes with it. */
export interface GatewayOperation {
  /** The generation whose schema the document was validated against. */
  readonly generation: Generation;
  readonly document: DocumentNode;
  readonly operationName?: string | undefined;
  /** As the client sent them. */
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: RequestContext;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/** Executes operations over the subgraphs of a supergraph that may be exchanged while it runs. */
export interface Gateway {
  /** The generation that new operations begin with. */
  readonly current: Generation;
  readonly metrics: GatewayMetrics;
  execute(operation: GatewayOperation): Promise<ExecutionResult>;
  subscribe(operation: GatewayOperation): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
  /** Takes another supergraph for all operations from now on. Errors: SupergraphInvalid, and nothing has changed. */
  swap(supergraphSdl: string): Generation;
  /** Tells of each generation, the current one first; the returned function ends it. */
  onGeneration(listener: (generation: Generation) => void): () => void;
  /** Asks each subgraph of the current supergraph whether it answers. */
  checkSubgraphs(): Promise<ReadonlyMap<string, Health>>;
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly supergraphSdl: string;
  readonly openTransport: (address: SubgraphAddress) => Transport;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How long a query or mutation may take, in milliseconds; what is not there by then is null with an error. */
  readonly operationTimeoutMs: number;
  /** How many operations keep their plans. */
  readonly planCacheSize: number;
}

const HEALTH_TIMEOUT_MS = 2_000;

export function createGateway(options: GatewayOptions): Gateway {
  const { openTransport, logger, operationTimeoutMs, planCacheSize } = options;
  const metrics = createGatewayMetrics(options.metrics);
  const pool = createTransportPool((address) =>
    countFetches(openTransport(address), address.name, metrics.fetches),
  );
  const listeners = new Set<(generation: Generation) => void>();
  const living = new Set<Promise<void>>();
  let current = open(options.supergraphSdl);

  function open(sdl: string): Generation {
    const snapshot = readSupergraph(sdl);
    let released: () => void = () => undefined;
    const life = new Promise<void>((resolve) => {
      released = resolve;
    }).then(() => void living.delete(life));
    living.add(life);
    return createGeneration({ snapshot, pool, metrics, cacheSize: planCacheSize, onReleased: released });
  }

  function count(kind: string, result: ExecutionResult): void {
    const outcome = !result.errors ? 'ok' : result.data ? 'partial' : 'failed';
    metrics.operations.inc({ kind, outcome });
  }

  /** A plan, or what keeps the operation from having one. A planner that fails must not take the process with it. */
  function prepare({
    generation,
    document,
    operationName,
  }: GatewayOperation): PreparedOperation | GraphQLError {
    try {
      return generation.prepare(document, operationName);
    } catch (error) {
      if (error instanceof GraphQLError) return error;
      logger.error({ err: error }, 'an operation could not be planned');
      return new GraphQLError('The operation could not be planned.', { originalError: error as Error });
    }
  }

  return {
    get current() {
      return current;
    },
    metrics,
    async execute(operation) {
      const prepared = prepare(operation);
      if (prepared instanceof GraphQLError) return { errors: [prepared] };
      const kind = prepared.definition.operation;
      const release = operation.generation.hold();
      const stopClock = metrics.operationSeconds.startTimer({ kind });
      const deadline = openDeadline(operation.signal, operationTimeoutMs);
      try {
        const { context, variables } = operation;
        const request = { context, variables: variables ?? {}, signal: deadline.signal };
        const result = await operation.generation.executor.execute(prepared, request);
        count(kind, result);
        return result;
      } finally {
        deadline.close();
        stopClock();
        release();
      }
    },
    async subscribe(operation) {
      const prepared = prepare(operation);
      if (prepared instanceof GraphQLError) return { errors: [prepared] };
      const { context, variables, signal, generation } = operation;
      const request = { context, variables: variables ?? {}, signal };
      const release = generation.hold();
      const events = await generation.executor.subscribe(prepared, request).catch((error: unknown) => {
        release();
        throw error;
      });
      if (!(Symbol.asyncIterator in events)) {
        release();
        count('subscription', events);
        return events;
      }
      count('subscription', {});
      metrics.subscriptions.inc();
      const counted = mapIterator(events, (event) => {
        metrics.events.inc();
        return event;
      });
      return interruptible(
        onEnd(counted, () => {
          metrics.subscriptions.dec();
          release();
        }),
        signal,
      );
    },
    swap(supergraphSdl) {
      if (supergraphSdl === current.snapshot.sdl) return current;
      const next = open(supergraphSdl);
      const previous = current;
      current = next;
      for (const listener of listeners) listener(next);
      previous.retire();
      logger.info({ supergraph: next.snapshot.id, before: previous.snapshot.id }, 'took another supergraph');
      return next;
    },
    onGeneration(listener) {
      listeners.add(listener);
      listener(current);
      return () => listeners.delete(listener);
    },
    async checkSubgraphs() {
      const checks = [...current.transports].map(
        async ([name, transport]) =>
          [name, await transport.health(AbortSignal.timeout(HEALTH_TIMEOUT_MS))] as const,
      );
      return new Map(await Promise.all(checks));
    },
    async close() {
      current.retire();
      await Promise.all(living);
    },
  };
}

/** Calls back once, when the iteration is over in whichever way. */
function onEnd<T>(source: AsyncIterator<T>, end: () => void): AsyncIterator<T> {
  let ended = false;
  const endOnce = () => {
    if (!ended) end();
    ended = true;
  };
  return {
    async next() {
      try {
        const result = await source.next();
        if (result.done) endOnce();
        return result;
      } catch (error) {
        endOnce();
        throw error;
      }
    },
    async return() {
      endOnce();
      return (await source.return?.()) ?? { value: undefined, done: true };
    },
  };
}

/** A signal that is aborted with the client's, or by the clock; closing it stops the clock. */
function openDeadline(
  client: AbortSignal,
  timeoutMs: number,
): { readonly signal: AbortSignal; close(): void } {
  const controller = new AbortController();
  const onClientAbort = () => {
    controller.abort(client.reason);
  };
  const timer = setTimeout(() => {
    controller.abort(new AegisError('UPSTREAM_TIMEOUT', `the operation took longer than ${timeoutMs} ms.`));
  }, timeoutMs);
  client.addEventListener('abort', onClientAbort, { once: true });
  if (client.aborted) onClientAbort();
  return {
    signal: controller.signal,
    close() {
      clearTimeout(timer);
      client.removeEventListener('abort', onClientAbort);
    },
  };
}

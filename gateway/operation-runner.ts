import { GraphQLError, type ExecutionResult } from 'graphql';
import { interruptible } from '../kernel/streams/interruptible.js';
import { mapIterator } from '../kernel/streams/map-iterator.js';
import type { ExecutionRequest } from './execution/executor.js';
import type { OperationUsage } from './execution/operation-usage.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { GatewayOperation } from './gateway-operation.js';

/** Runs operations on the generation that each names, holds it meanwhile, and counts them. Never throws. */
export interface OperationRunner {
  execute(operation: GatewayOperation): Promise<ExecutionResult>;
  subscribe(operation: GatewayOperation): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
}

/** Makes the runner of one gateway. */
export function createOperationRunner(metrics: GatewayMetrics, usage: OperationUsage): OperationRunner {
  function count(kind: string, result: ExecutionResult): void {
    const outcome = !result.errors ? 'ok' : result.data ? 'partial' : 'failed';
    metrics.operations.inc({ kind, outcome });
  }

  async function execute(operation: GatewayOperation): Promise<ExecutionResult> {
    const { generation, document, operationName } = operation;
    const prepared = generation.prepare(document, operationName);
    usage.count(prepared, generation.snapshot.apiSchema);
    const kind = prepared.definition.operation;
    const cost = generation.limits.weigh(document, operationName, operation.variables ?? {});
    metrics.operationCost.observe({ kind }, cost);
    const release = generation.hold();
    const stopClock = metrics.operationSeconds.startTimer({ kind });
    try {
      const result = await generation.executor.execute(prepared, toRequest(operation)).catch(toFailure);
      count(kind, result);
      return result;
    } finally {
      stopClock();
      release();
    }
  }

  async function subscribe(
    operation: GatewayOperation,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
    const { generation, document, operationName, signal } = operation;
    const prepared = generation.prepare(document, operationName);
    usage.count(prepared, generation.snapshot.apiSchema);
    const cost = generation.limits.weigh(document, operationName, operation.variables ?? {});
    metrics.operationCost.observe({ kind: 'subscription' }, cost);
    const release = generation.hold();
    const events = await generation.executor.subscribe(prepared, toRequest(operation)).catch(toFailure);
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
  }

  return {
    execute: (operation) => execute(operation).catch(toFailure),
    subscribe: (operation) => subscribe(operation).catch(toFailure),
  };
}

function toRequest({ context, variables, signal, written }: GatewayOperation): ExecutionRequest {
  return { context, variables: variables ?? {}, signal, written };
}

/** What was thrown as a result: in its own words when they are meant for the client, otherwise to be masked. */
function toFailure(error: unknown): ExecutionResult {
  if (error instanceof GraphQLError) return { errors: [error] };
  const originalError = error instanceof Error ? error : new Error(String(error));
  return { errors: [new GraphQLError(originalError.message, { originalError })] };
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

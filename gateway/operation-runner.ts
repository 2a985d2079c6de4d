import { GraphQLError, type ExecutionResult } from 'graphql';
import { interruptible } from '../kernel/streams/interruptible.js';
import { mapIterator } from '../kernel/streams/map-iterator.js';
import type { RequestContext } from '../kernel/graphql/subgraph.js';
import type { Tracing } from '../kernel/telemetry/tracing.js';
import type { ResponseCache } from './caching/response-cache.js';
import type { Coalesce } from './coalesce-queries.js';
import { executeCached } from './execute-cached.js';
import type { ExecutionRequest, TraceEvent } from './execution/execution-request.js';
import { isIncremental, type CompletedPart, type IncrementalResult } from './execution/incremental-result.js';
import type { PreparedOperation } from './execution/prepared-operation.js';
import type { RunningSubscription } from './execution/running-subscription.js';
import type { OperationUsage } from './execution/operation-usage.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import type { GatewayOperation } from './gateway-operation.js';
import { tracePlanning, traceSubscription } from './trace-execution.js';

/** Runs operations on the generation that each names, holds it meanwhile, and counts them. Never throws. */
export interface OperationRunner {
  execute(operation: GatewayOperation): Promise<ExecutionResult>;
  executeIncrementally(operation: GatewayOperation): Promise<ExecutionResult | IncrementalResult>;
  subscribe(operation: GatewayOperation): Promise<GatewaySubscription | ExecutionResult>;
}

/** The events of a subscription. */
export interface GatewaySubscription extends AsyncIterableIterator<ExecutionResult> {
  /**
   * Has the events from the next one on completed by another generation, and lets go of the one before, without touching
   * what is open at the subgraph.
   *
   * @param operation the same one, as that generation reads it.
   * Errors: when it is not the same there; then everything stays as it was.
   */
  carryOver(operation: GatewayOperation): Promise<void>;
}

/** What is done beside executing; nothing by default. */
export interface OperationRunnerOptions {
  /** Responses that are kept. */
  readonly responses?: ResponseCache | undefined;
  /** Executes equal queries together. */
  readonly coalesce?: Coalesce | undefined;
  readonly tracing?: Tracing | undefined;
}

/** Makes the runner of one gateway. */
export function createOperationRunner(
  metrics: GatewayMetrics,
  usage: OperationUsage,
  { responses, coalesce, tracing }: OperationRunnerOptions = {},
): OperationRunner {
  function count(kind: string, result: ExecutionResult): void {
    const outcome = !result.errors ? 'ok' : result.data ? 'partial' : 'failed';
    metrics.operations.inc({ kind, outcome });
  }

  /** Everything that is looked at before an operation runs. */
  function prepare({ generation, document, operationName, variables }: GatewayOperation): PreparedOperation {
    const prepared = generation.prepare(document, operationName);
    usage.count(prepared, generation.snapshot.apiSchema);
    const cost = generation.limits.weigh(document, operationName, variables ?? {});
    metrics.operationCost.observe({ kind: prepared.definition.operation }, cost);
    return prepared;
  }

  async function execute(operation: GatewayOperation): Promise<ExecutionResult> {
    const { generation } = operation;
    const prepared = prepare(operation);
    const kind = prepared.definition.operation;
    const release = generation.hold();
    const stopClock = metrics.operationSeconds.startTimer({ kind });
    try {
      const run = (asked: GatewayOperation) =>
        executeOne(planFor(prepared, asked, tracing), asked, responses);
      const executing = coalesce ? coalesce(prepared, operation, run) : run(operation);
      const result = await executing.catch(toFailure);
      count(kind, result);
      return result;
    } finally {
      stopClock();
      release();
    }
  }

  async function executeIncrementally(
    operation: GatewayOperation,
  ): Promise<ExecutionResult | IncrementalResult> {
    const { generation, signal } = operation;
    const prepared = prepare(operation);
    const kind = prepared.definition.operation;
    const stopClock = metrics.operationSeconds.startTimer({ kind });
    const release = generation.hold();
    const end = (result: ExecutionResult) => {
      count(kind, result);
      stopClock();
      release();
    };
    const result = await generation.executor
      .executeIncrementally(planFor(prepared, operation, tracing), toRequest(operation))
      .catch(toFailure);
    if (isIncremental(result)) {
      return { ...result, parts: interruptible(followParts(result, end), signal) };
    }
    end(result);
    return result;
  }

  async function subscribe(operation: GatewayOperation): Promise<GatewaySubscription | ExecutionResult> {
    const { generation, signal } = operation;
    const prepared = prepare(operation);
    const release = generation.hold();
    const { begun, traceEvent } = await begin(prepared, operation, tracing);
    if (!('next' in begun)) {
      release();
      count('subscription', begun);
      return begun;
    }
    count('subscription', {});
    return follow(begun, release, { metrics, signal, traceEvent });
  }

  return {
    execute: (operation) => execute(operation).catch(toFailure),
    executeIncrementally: (operation) => executeIncrementally(operation).catch(toFailure),
    subscribe: (operation) => subscribe(operation).catch(toFailure),
  };
}

interface FollowOptions extends Pick<ExecutionRequest, 'signal' | 'traceEvent'> {
  readonly metrics: GatewayMetrics;
}

/** Counts the events of a subscription, and holds its generation until it ends. */
function follow(
  events: RunningSubscription,
  first: () => void,
  { metrics, signal, traceEvent }: FollowOptions,
): GatewaySubscription {
  let release = first;
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    metrics.subscriptions.dec();
    release();
  };
  metrics.subscriptions.inc();
  const counted = onEnd(events, end, () => {
    metrics.events.inc();
  });
  return Object.assign(interruptible(counted, signal), {
    async carryOver(operation: GatewayOperation) {
      const { generation, document, operationName } = operation;
      const prepared = generation.prepare(document, operationName);
      const completion = await generation.executor.takeOver(
        prepared,
        { ...toRequest(operation), traceEvent },
        events.completion,
      );
      if (ended) return;
      const before = release;
      release = generation.hold();
      await events.completeBy(completion);
      before();
    },
  });
}

function executeOne(
  prepared: PreparedOperation,
  operation: GatewayOperation,
  responses: ResponseCache | undefined,
): Promise<ExecutionResult> {
  const { executor } = operation.generation;
  const run = (context: RequestContext) => executor.execute(prepared, { ...toRequest(operation), context });
  return responses ? executeCached(responses, operation, run) : run(operation.context);
}

function toRequest({ context, variables, signal, written }: GatewayOperation): ExecutionRequest {
  return { context, variables: variables ?? {}, signal, written };
}

/** The operation as it is planned for one client; what is kept of it is kept under the one that all have in common. */
function planFor(
  prepared: PreparedOperation,
  { context }: GatewayOperation,
  tracing: Tracing | undefined,
): PreparedOperation {
  return tracing ? tracePlanning(prepared, context.trace, tracing) : prepared;
}

async function begin(
  prepared: PreparedOperation,
  operation: GatewayOperation,
  tracing: Tracing | undefined,
): Promise<{
  readonly begun: RunningSubscription | ExecutionResult;
  readonly traceEvent?: TraceEvent | undefined;
}> {
  const { executor } = operation.generation;
  const traced = tracing && traceSubscription(operation, tracing);
  const asked = traced?.operation ?? operation;
  const traceEvent = traced?.traceEvent;
  const begun = await executor
    .subscribe(planFor(prepared, asked, tracing), { ...toRequest(asked), traceEvent })
    .catch(toFailure);
  traced?.begun(!('next' in begun));
  return { begun, traceEvent };
}

/** What was thrown as a result: in its own words when they are meant for the client, otherwise to be masked. */
function toFailure(error: unknown): ExecutionResult {
  if (error instanceof GraphQLError) return { errors: [error] };
  const originalError = error instanceof Error ? error : new Error(String(error));
  return { errors: [new GraphQLError(originalError.message, { originalError })] };
}

/** Calls back once when the parts are over, with what came first and the errors of all. */
function followParts(
  { initial, parts }: IncrementalResult,
  end: (result: ExecutionResult) => void,
): AsyncIterator<readonly CompletedPart[]> {
  const errors = [...(initial.errors ?? [])];
  let ended = false;
  const noted = mapIterator(parts, (completed) => {
    for (const part of completed) errors.push(...part.errors);
    return completed;
  });
  return onEnd(noted, () => {
    if (ended) return;
    ended = true;
    end(errors.length > 0 ? { ...initial, errors } : initial);
  });
}

/** Calls back when the iteration is over in whichever way, and for each item before. */
function onEnd<T>(source: AsyncIterator<T>, end: () => void, onItem?: () => void): AsyncIterator<T> {
  return {
    async next() {
      try {
        const result = await source.next();
        if (result.done) end();
        else onItem?.();
        return result;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      return (await source.return?.()) ?? { value: undefined, done: true };
    },
  };
}

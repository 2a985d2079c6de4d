import type { ExecutionResult } from 'graphql';
import type { Overrides } from '../planning/override-labels.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../transports/transport.js';
import type { FetchStep } from './compile-plan.js';
import type { ResponsePath } from './data.js';
import { openSubscriptionSource } from './subscription-source.js';

/** How the events of a subscription become responses: all that it needs of the supergraph that it was planned for. */
export interface EventCompletion {
  /** The fetch whose events it completes. */
  readonly source: FetchStep;
  /** Which fields had moved to another subgraph when it was planned. */
  readonly overrides: Overrides;
  complete(event: SubgraphResponse): Promise<ExecutionResult> | ExecutionResult;
  /** Where a place that the source's subgraph names stands in the client's response. */
  toClientPaths(path: ResponsePath): readonly ResponsePath[];
}

/** A subscription that has begun. */
export interface RunningSubscription extends AsyncIterator<ExecutionResult> {
  readonly completion: EventCompletion;
  /**
   * Has the events from the next one on completed in another way, of a source that asks the same. Resolves when the way
   * before is needed no more.
   */
  completeBy(completion: EventCompletion): Promise<void>;
}

export interface RunningSubscriptionOptions {
  readonly transport: Transport;
  readonly request: SubgraphRequest;
  readonly completion: EventCompletion;
  /** How long its begin may take, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Begins a subscription at its source. It keeps nothing of a completion once there is another one.
 *
 * Errors: what the transport throws.
 */
export async function openRunningSubscription({
  transport,
  request,
  timeoutMs,
  ...begun
}: RunningSubscriptionOptions): Promise<RunningSubscription> {
  const bound = { completion: begun.completion };
  const events = await openSubscriptionSource(transport, request, {
    timeoutMs,
    toClientPaths: (path) => bound.completion.toClientPaths(path),
  });
  return completeEach(events, bound);
}

function completeEach(
  events: AsyncIterator<SubgraphResponse>,
  bound: { completion: EventCompletion },
): RunningSubscription {
  let completing: Promise<unknown> | undefined;
  return {
    get completion() {
      return bound.completion;
    },
    async completeBy(next) {
      bound.completion = next;
      await completing?.catch(() => undefined);
    },
    async next() {
      const event = await events.next();
      if (event.done) return { value: undefined, done: true };
      const completed = bound.completion.complete(event.value);
      if (!(completed instanceof Promise)) return { value: completed, done: false };
      completing = completed;
      return { value: await completed, done: false };
    },
    async return() {
      await events.return?.();
      return { value: undefined, done: true };
    },
  };
}

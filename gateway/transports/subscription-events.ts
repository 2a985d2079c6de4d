import { AegisError } from '../../kernel/errors/aegis-error.js';
import { interruptible } from '../../kernel/streams/interruptible.js';
import { PushStream } from '../../kernel/streams/push-stream.js';
import { readSubgraphResponse } from './read-response.js';
import { SubscriptionRefused } from './subscription-refused.js';
import type { SubgraphResponse } from './transport.js';

/** The events of one subscription on their way from a subgraph, whichever the protocol. */
export interface SubscriptionEvents {
  /** Takes over what the subgraph sent; what is no GraphQL response becomes an error in its place. */
  push(event: unknown): void;
  /** No more follow; what waits still comes, and then the error if there is one. Safe to call twice. */
  end(error?: Error): void;
  /** Ends also by the signal; leaving early ends the subscription at the subgraph. */
  read(signal: AbortSignal): AsyncIterableIterator<SubgraphResponse>;
}

/** How many events of one subscription wait for a client that lags; beyond it the subscription ends with an error. */
const EVENT_BACKLOG = 1_024;

/**
 * Makes the way of one subscription.
 *
 * @param onEnd called once, when nobody wants more or nothing more will come.
 */
export function createSubscriptionEvents(subgraph: string, onEnd: () => void): SubscriptionEvents {
  const events = new PushStream<SubgraphResponse>({
    capacity: EVENT_BACKLOG,
    overflow: 'fail',
    onClose: onEnd,
  });
  return {
    push(event) {
      events.push(readEvent(event, subgraph));
    },
    end(error) {
      events.end(error);
    },
    read: (signal) => interruptible(readAll(events, subgraph), signal),
  };
}

/** That the way to a subgraph's events was lost. */
export function describeLoss(subgraph: string, how: string, cause?: unknown): AegisError {
  const message = `subgraph ${subgraph}: the connection of its subscriptions was lost${how}.`;
  return new AegisError('UPSTREAM_FAILED', message, cause === undefined ? {} : { cause });
}

function readEvent(event: unknown, subgraph: string): SubgraphResponse {
  const response = readSubgraphResponse(event);
  if (response) return response;
  return {
    errors: [{ message: `subgraph ${subgraph}: expected a GraphQL response, got an event that is none.` }],
  };
}

function readAll(events: PushStream<SubgraphResponse>, subgraph: string): AsyncIterator<SubgraphResponse> {
  let waiting: SubgraphResponse[] = [];

  async function take(): Promise<readonly SubgraphResponse[]> {
    try {
      return (await events.take())?.items ?? [];
    } catch (error) {
      if (error instanceof AegisError || error instanceof SubscriptionRefused) throw error;
      const message = `subgraph ${subgraph}: the subscription was ended, because ${EVENT_BACKLOG} of its events waited for the client.`;
      throw new AegisError('UNAVAILABLE', message, { cause: error });
    }
  }

  return {
    async next() {
      if (waiting.length === 0) waiting = [...(await take())];
      const value = waiting.shift();
      return value === undefined ? { value: undefined, done: true } : { value, done: false };
    },
    return() {
      events.end();
      return Promise.resolve({ value: undefined, done: true });
    },
  };
}

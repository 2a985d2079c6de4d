import type { GraphQLFormattedError } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { interruptible } from '../../kernel/streams/interruptible.js';
import { PushStream } from '../../kernel/streams/push-stream.js';
import { SubscriptionRefused } from './subscription-refused.js';
import type { SubgraphRequest, SubgraphResponse } from './transport.js';

export interface WebSocketSubscriber {
  subscribe(request: SubgraphRequest): Promise<AsyncIterableIterator<SubgraphResponse>>;
  close(): Promise<void>;
}

export interface WebSocketSubscriberOptions {
  readonly subgraph: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly headersFor: (context: RequestContext) => Promise<Record<string, string>>;
}

/** How many events of one subscription wait for a client that lags; beyond it the subscription ends with an error. */
const EVENT_BACKLOG = 1_024;

/**
 * Subscribes at a subgraph over graphql-ws: one socket for each identity, shared by its subscriptions.
 *
 * A lost socket ends its subscriptions with UPSTREAM_FAILED: silently subscribing again would lose events unseen.
 */
export function createWebSocketSubscriber(options: WebSocketSubscriberOptions): WebSocketSubscriber {
  const { subgraph, timeoutMs, headersFor } = options;
  const url = options.url.replace(/^http/, 'ws');
  const clients = new Map<string, Client>();

  function clientFor(context: RequestContext): Client {
    const { subject, workspace, roles } = context.principal;
    const identity = JSON.stringify([subject, workspace, roles]);
    const known = clients.get(identity);
    if (known) return known;
    const client = createClient({
      url,
      webSocketImpl: WebSocket,
      lazy: true,
      retryAttempts: 0,
      connectionAckWaitTimeout: timeoutMs,
      keepAlive: 15_000,
      connectionParams: () => headersFor(context),
      on: {
        closed: () => {
          if (clients.get(identity) === client) clients.delete(identity);
        },
      },
    });
    clients.set(identity, client);
    return client;
  }

  return {
    subscribe({ operation, variables, context, signal }) {
      const events = new PushStream<SubgraphResponse>({ capacity: EVENT_BACKLOG, overflow: 'fail' });
      const query = { query: operation.text, variables: { ...variables } };
      const unsubscribe = clientFor(context).subscribe<Record<string, unknown>>(
        operation.name === undefined ? query : { ...query, operationName: operation.name },
        {
          next: (event) => events.push(event),
          error: (reason) => {
            events.end(describeEnd(reason, subgraph));
          },
          complete: () => {
            events.end();
          },
        },
      );
      return Promise.resolve(interruptible(readAll(events, unsubscribe), signal));
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.dispose()));
      clients.clear();
    },
  };
}

/** Yields events until the stream ends; leaving early ends the subscription at the subgraph. */
function readAll(
  events: PushStream<SubgraphResponse>,
  unsubscribe: () => void,
): AsyncIterator<SubgraphResponse> {
  let waiting: SubgraphResponse[] = [];
  return {
    async next() {
      if (waiting.length === 0) waiting = [...((await events.take())?.items ?? [])];
      const value = waiting.shift();
      return value === undefined ? { value: undefined, done: true } : { value, done: false };
    },
    return() {
      unsubscribe();
      events.end();
      return Promise.resolve({ value: undefined, done: true });
    },
  };
}

function describeEnd(reason: unknown, subgraph: string): Error {
  if (Array.isArray(reason)) return new SubscriptionRefused(reason as GraphQLFormattedError[]);
  const closed =
    typeof reason === 'object' && reason !== null && 'code' in reason
      ? ` (close code ${String(reason.code)})`
      : '';
  return new AegisError(
    'UPSTREAM_FAILED',
    `subgraph ${subgraph}: the subscription's connection was lost${closed}.`,
    {
      cause: reason,
    },
  );
}

import { createClient, type Client, type EventListener, type SubscribePayload } from 'graphql-ws';
import WebSocket from 'ws';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { interruptible } from '../../kernel/streams/interruptible.js';
import { PushStream } from '../../kernel/streams/push-stream.js';
import { forwardedKeyOf } from './forwarded-key.js';
import { readReportedErrors, readSubgraphResponse } from './read-response.js';
import { SubscriptionRefused } from './subscription-refused.js';
import type { SubgraphRequest, SubgraphResponse } from './transport.js';

/** Begins subscriptions at one subgraph. */
export interface WebSocketSubscriber {
  subscribe(request: SubgraphRequest): Promise<AsyncIterableIterator<SubgraphResponse>>;
  close(): Promise<void>;
}

export interface WebSocketSubscriberOptions {
  readonly subgraph: string;
  readonly url: string;
  /** How long the connection, its acknowledgement and each sign of life may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How long a connection is quiet before the subgraph is asked for a sign of life, in milliseconds; 15,000 by default. */
  readonly keepAliveMs?: number;
  /** The largest message that is read, in bytes. */
  readonly maxResponseBytes: number;
  readonly headersFor: (context: RequestContext) => Promise<Record<string, string>>;
}

/** How many events of one subscription wait for a client that lags; beyond it the subscription ends with an error. */
const EVENT_BACKLOG = 1_024;
const KEEP_ALIVE_MS = 15_000;

/**
 * Subscribes at a subgraph over graphql-ws: one socket for each identity and its forwarded headers, shared by its subscriptions.
 *
 * A lost socket ends its subscriptions with UPSTREAM_FAILED: silently subscribing again would lose events unseen.
 */
export function createWebSocketSubscriber(options: WebSocketSubscriberOptions): WebSocketSubscriber {
  const { subgraph } = options;
  const connections = new Map<string, Connection>();

  function connectionFor(context: RequestContext): Connection {
    const { subject, workspace, roles } = context.principal;
    const identity = JSON.stringify([subject, workspace, roles, forwardedKeyOf(context)]);
    const known = connections.get(identity);
    if (known) return known;
    const client = openClient(options, context);
    const streams = new Set<PushStream<SubgraphResponse>>();
    const forget = () => {
      if (connections.get(identity)?.client === client) connections.delete(identity);
    };
    client.on('closed', (reason) => {
      forget();
      // After a normal closure the client would subscribe again by itself, and nobody would see what was lost between.
      for (const stream of streams) stream.end(describeEnd(reason, subgraph));
    });
    const connection: Connection = { client, streams, forget };
    connections.set(identity, connection);
    return connection;
  }

  return {
    subscribe(request) {
      const { client, streams, forget } = connectionFor(request.context);
      let unsubscribe: () => void = () => undefined;
      const events = new PushStream<SubgraphResponse>({
        capacity: EVENT_BACKLOG,
        overflow: 'fail',
        onClose() {
          // Also when its reader lags too far: what would still come is not wanted.
          unsubscribe();
          streams.delete(events);
          // Its socket is closing now; whoever subscribes next gets another one.
          if (streams.size === 0) forget();
        },
      });
      streams.add(events);
      unsubscribe = client.subscribe(toPayload(request), {
        next: (event) => events.push(readEvent(event, subgraph)),
        error: (reason) => {
          events.end(describeEnd(reason, subgraph));
        },
        complete: () => {
          events.end();
        },
      });
      return Promise.resolve(interruptible(readAll(events, subgraph), request.signal));
    },
    async close() {
      const open = [...connections.values()];
      connections.clear();
      for (const { client } of open) await client.dispose();
    },
  };
}

/** A socket to the subgraph, and the subscriptions on it. */
interface Connection {
  readonly client: Client;
  readonly streams: Set<PushStream<SubgraphResponse>>;
  /** Takes it out of those that new subscriptions may use. */
  readonly forget: () => void;
}

function openClient(options: WebSocketSubscriberOptions, context: RequestContext): Client {
  const client = createClient({
    url: options.url.replace(/^http/, 'ws'),
    webSocketImpl: limitedWebSocket(options),
    lazy: true,
    retryAttempts: 0,
    connectionAckWaitTimeout: options.timeoutMs,
    keepAlive: options.keepAliveMs ?? KEEP_ALIVE_MS,
    connectionParams: () => options.headersFor(context),
  });
  endWhenSilent(client, options.timeoutMs);
  return client;
}

/** `ws` with bounds on how long a connection is made and how much a message may hold: graphql-ws has no options for them. */
function limitedWebSocket({ timeoutMs, maxResponseBytes }: WebSocketSubscriberOptions): unknown {
  const limits = { handshakeTimeout: timeoutMs, maxPayload: maxResponseBytes };
  return new Proxy(WebSocket, {
    construct: (Socket, [address, protocols]: [string, string]) => new Socket(address, protocols, limits),
  });
}

/** Breaks off a connection whose other side has vanished without closing it: no pong in time. */
function endWhenSilent(client: Client, timeoutMs: number): void {
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    clearTimeout(timer);
  };
  const onPing: EventListener<'ping'> = (received) => {
    if (received) return;
    stop();
    timer = setTimeout(() => {
      client.terminate();
    }, timeoutMs);
  };
  client.on('ping', onPing);
  client.on('pong', stop);
  client.on('closed', stop);
}

function toPayload({ operation, variables, context }: SubgraphRequest): SubscribePayload {
  return {
    query: operation.text,
    variables: { ...variables },
    // A message has no headers of its own.
    extensions: { traceparent: context.trace.traceparent },
    ...(operation.name === undefined ? {} : { operationName: operation.name }),
  };
}

function readEvent(event: unknown, subgraph: string): SubgraphResponse {
  const response = readSubgraphResponse(event);
  if (response) return response;
  return {
    errors: [{ message: `subgraph ${subgraph}: expected a GraphQL response, got an event that is none.` }],
  };
}

/** Yields events until the stream ends; leaving early ends the subscription at the subgraph. */
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

function describeEnd(reason: unknown, subgraph: string): Error {
  if (Array.isArray(reason)) return new SubscriptionRefused(readReportedErrors(reason));
  const closed =
    typeof reason === 'object' && reason !== null && 'code' in reason
      ? ` (close code ${String(reason.code)})`
      : '';
  return new AegisError(
    'UPSTREAM_FAILED',
    `subgraph ${subgraph}: the connection of its subscriptions was lost${closed}.`,
    { cause: reason },
  );
}

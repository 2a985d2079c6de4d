import { createClient, type Client, type EventListener, type SubscribePayload } from 'graphql-ws';
import WebSocket from 'ws';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import { forwardedKeyOf } from './forwarded-key.js';
import { readReportedErrors } from './read-response.js';
import type { SubgraphSubscriber, SubgraphSubscriberOptions } from './subgraph-subscriber.js';
import { createSubscriptionEvents, describeLoss, type SubscriptionEvents } from './subscription-events.js';
import { SubscriptionRefused } from './subscription-refused.js';
import { readVariables, type SubgraphRequest } from './transport.js';
import { UpgradeRefused } from './upgrade-refused.js';

export interface WebSocketSubscriberOptions extends SubgraphSubscriberOptions {
  /** How long a connection is quiet before the subgraph is asked for a sign of life, in milliseconds; 15,000 by default. */
  readonly keepAliveMs?: number;
}

const KEEP_ALIVE_MS = 15_000;

/**
 * Subscribes at a subgraph over graphql-ws: one socket for each identity and its forwarded headers, shared by its subscriptions.
 *
 * A lost socket ends its subscriptions with UPSTREAM_FAILED: silently subscribing again would lose events unseen.
 */
export function createWebSocketSubscriber(options: WebSocketSubscriberOptions): SubgraphSubscriber {
  const { subgraph } = options;
  const connections = new Map<string, Connection>();

  function connectionFor(context: RequestContext): Connection {
    const { subject, workspace, roles } = context.principal;
    const identity = JSON.stringify([subject, workspace, roles, forwardedKeyOf(context)]);
    const known = connections.get(identity);
    if (known) return known;
    const client = openClient(options, context);
    const streams = new Set<SubscriptionEvents>();
    const forget = () => {
      if (connections.get(identity)?.client === client) connections.delete(identity);
    };
    const opened = untilOpened(client, subgraph);
    client.on('closed', (reason) => {
      forget();
      // After a normal closure the client would subscribe again by itself, and nobody would see what was lost between.
      for (const stream of streams) stream.end(describeEnd(reason, subgraph));
    });
    const connection: Connection = { client, opened, streams, forget };
    connections.set(identity, connection);
    return connection;
  }

  /** Subscribes on a connection, which opens with the first one. */
  function begin({ client, streams, forget }: Connection, request: SubgraphRequest): SubscriptionEvents {
    let unsubscribe: () => void = () => undefined;
    const events = createSubscriptionEvents(subgraph, () => {
      // Also when its reader lags too far: what would still come is not wanted.
      unsubscribe();
      streams.delete(events);
      // Its socket is closing now; whoever subscribes next gets another one.
      if (streams.size === 0) forget();
    });
    streams.add(events);
    unsubscribe = client.subscribe(toPayload(request), {
      next: (event) => {
        events.push(event);
      },
      error: (reason) => {
        events.end(describeEnd(reason, subgraph));
      },
      complete: () => {
        events.end();
      },
    });
    return events;
  }

  return {
    async subscribe(request) {
      const connection = connectionFor(request.context);
      const events = begin(connection, request);
      try {
        await untilAborted(connection.opened, request.signal);
      } catch (error) {
        events.end();
        throw error;
      }
      return events.read(request.signal);
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
  /** Resolves when the subgraph has let the gateway in. Errors: why it is not there, or does not. */
  readonly opened: Promise<void>;
  readonly streams: Set<SubscriptionEvents>;
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

/** The words in which `ws` says that a server answered with something else than a WebSocket. */
const UNEXPECTED = /Unexpected server response: (?<status>\d{3})/;

/** Waits until the connection is acknowledged. Errors: AegisError, with {@link UpgradeRefused} as its cause if it was. */
function untilOpened(client: Client, subgraph: string): Promise<void> {
  let refused: UpgradeRefused | undefined;
  client.on('error', (error) => {
    const text =
      typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
    const status = UNEXPECTED.exec(text)?.groups?.['status'];
    if (status !== undefined) refused = new UpgradeRefused(Number(status));
  });
  const opened = new Promise<void>((resolve, reject) => {
    client.on('connected', () => {
      resolve();
    });
    client.on('closed', (reason) => {
      reject(
        refused ? describeLoss(subgraph, `: ${refused.message}`, refused) : describeEnd(reason, subgraph),
      );
    });
  });
  // Whoever waits hears of it; when nobody does, it concerns nobody.
  opened.catch(() => undefined);
  return opened;
}

/** `ws` with bounds on how long a connection is made and how much a message may hold: graphql-ws has no options for them. */
function limitedWebSocket({ timeoutMs, maxResponseBytes, lookup }: WebSocketSubscriberOptions): unknown {
  const limits = {
    handshakeTimeout: timeoutMs,
    maxPayload: maxResponseBytes,
    ...(lookup ? { lookup } : {}),
  };
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

function toPayload(request: SubgraphRequest): SubscribePayload {
  const { operation, context } = request;
  return {
    query: operation.text,
    variables: readVariables(request),
    // A message has no headers of its own.
    extensions: { traceparent: context.trace.traceparent },
    ...(operation.name === undefined ? {} : { operationName: operation.name }),
  };
}

function describeEnd(reason: unknown, subgraph: string): Error {
  if (Array.isArray(reason)) return new SubscriptionRefused(readReportedErrors(reason));
  const closed =
    typeof reason === 'object' && reason !== null && 'code' in reason
      ? ` (close code ${String(reason.code)})`
      : '';
  return describeLoss(subgraph, closed, reason);
}

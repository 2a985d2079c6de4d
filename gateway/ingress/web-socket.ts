import type { Server as HttpServer } from 'node:http';
import { GraphQLError, type ExecutionArgs } from 'graphql';
import { CloseCode } from 'graphql-ws';
import { Gauge } from 'prom-client';
import type { WebSocket } from 'ws';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import {
  createTraceOfPayload,
  openWebSocketServer,
  type Connection,
  type OpenWebSocketServer,
} from '../../kernel/graphql/web-socket-server.js';
import type { Principal } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { Admission } from '../access/admission.js';
import { authenticateConnection } from '../access/authenticate.js';
import type { OriginGuard } from '../access/origin-guard.js';
import type { Gateway } from '../gateway.js';
import type { ExpiryClock } from '../subscriptions/expiry-clock.js';
import type { SubscriptionHub } from '../subscriptions/subscription-hub.js';
import type { PickHeaders } from '../transports/header-rules.js';
import { readClientIdentity, type ClientIdentity } from './client-identity.js';
import { executeOnce } from './execute-once.js';
import type { OperationLog } from './operation-log.js';
import { recordSink } from './recorded-sink.js';
import {
  createWebSocketOperations,
  type ClientConnection,
  type ClientOperation,
} from './web-socket-operations.js';
import { SubscriptionFailed, WebSocketSubscription } from './web-socket-subscription.js';

/** What one client may ask for. */
export interface WebSocketLimits {
  /** The largest message a client may send, in bytes. */
  readonly maxPayloadBytes: number;
  /** The most queries and mutations of one socket that are under way at a time. */
  readonly maxOperationsPerConnection: number;
  /** While more bytes than these wait for a client to read them, nothing more is read from it. */
  readonly maxUnsentBytes: number;
}

export interface WebSocketOptions extends WebSocketLimits {
  readonly server: HttpServer;
  readonly path: string;
  readonly gateway: Gateway;
  readonly admission: Admission;
  readonly hub: SubscriptionHub;
  readonly log: OperationLog;
  /** Closes a socket when whoever opened it is let in no more. */
  readonly expiry: ExpiryClock;
  readonly identify: IdentifyClient;
  readonly guard: OriginGuard;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  /** Of what a client presents, what subgraphs may be told; nothing by default. */
  readonly pickHeaders?: PickHeaders | undefined;
  readonly metrics: Metrics;
}

const NOBODY: ClientIdentity = { name: undefined, version: undefined };
const INIT_TIMEOUT_MS = 5_000;

/**
 * Serves queries, mutations and subscriptions over WebSocket. Who is asking is decided once, when the connection begins;
 * one that is not let in is closed with 4403.
 */
export function serveWebSocket(options: WebSocketOptions): OpenWebSocketServer {
  const {
    server,
    path,
    gateway,
    hub,
    identify,
    guard,
    formatErrors,
    logger,
    maxPayloadBytes,
    maxUnsentBytes,
  } = options;
  const traceOfPayload = createTraceOfPayload();
  const operations = createWebSocketOperations({ ...options, traceOf: traceOfPayload });

  function openConnection(connection: Connection): ClientConnection {
    const opened: ClientConnection = {
      ...connection,
      left: undefined,
      principal: undefined,
      headers: undefined,
      client: NOBODY,
      records: new Set(),
      running: new Set(),
    };
    gateway.metrics.sockets.inc();
    connection.socket.once('close', () => {
      gateway.metrics.sockets.dec();
      opened.left?.abort();
      for (const record of opened.records) record.end();
    });
    return opened;
  }

  const opened = openWebSocketServer<ClientConnection>({
    server,
    path,
    logger,
    maxPayloadBytes,
    maxUnsentBytes,
    allows: ({ headers: { host, origin } }) =>
      guard.refuse(origin, host) === undefined && guard.allowsOrigin(origin, host),
    openConnection,
    protocol: {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      async onConnect({ connectionParams, extra }) {
        extra.principal = await authenticateConnection(connectionParams, extra.request.headers, identify);
        extra.client = readClientIdentity({ ...extra.request.headers, ...connectionParams });
        extra.headers = options.pickHeaders?.(extra.request.headers, connectionParams);
        if (extra.principal) closeWhenExpired(extra.socket, extra.principal, options.expiry);
        return extra.principal !== undefined;
      },
      onSubscribe: ({ extra }, id, payload) => operations.read(extra, id, payload),
      execute: (args: ExecutionArgs) => executeOnce(operations.find(args), gateway),
      subscribe: (args: ExecutionArgs) => subscribe(operations.take(args), hub),
      onNext(_context, _id, payload, _args, result) {
        const formatted = formatResult(result, formatErrors, traceOfPayload(payload));
        operations.settle(payload, formatted);
        return formatted;
      },
      onError(context, _id, payload, errors) {
        const formatted = formatErrors(errors.flatMap(unwrap), traceOfPayload(payload));
        operations.settle(payload, { errors: formatted });
        operations.end(context.extra, payload);
        return formatted;
      },
      onComplete({ extra }, _id, payload) {
        operations.end(extra, payload);
      },
    },
  });
  measureUnsent(options.metrics, opened);
  return opened;
}

function measureUnsent(metrics: Metrics, sockets: Pick<OpenWebSocketServer, 'unsentBytes'>): void {
  new Gauge({
    name: 'aegis_gateway_sockets_unsent_bytes',
    help: 'Bytes of results and events that wait for clients of WebSockets to read them.',
    registers: [metrics],
    collect() {
      this.set(sockets.unsentBytes);
    },
  });
}

/** Closes the socket of whoever is let in no more, behind what its subscriptions are told of it. */
function closeWhenExpired(socket: WebSocket, { expiresAt }: Principal, expiry: ExpiryClock): void {
  if (expiresAt === undefined) return;
  const cancel = expiry.watch(expiresAt, () => {
    setImmediate(() => {
      socket.close(CloseCode.Forbidden, 'Token expired');
    });
  });
  socket.once('close', cancel);
}

/** Joins a subscription; what graphql-ws iterates over is how it ends. */
function subscribe(operation: ClientOperation, hub: SubscriptionHub): WebSocketSubscription {
  const { id, connection } = operation;
  const { socket, request } = connection;
  const { record } = operation;
  const subscription = new WebSocketSubscription(socket, request.socket, id);
  const leave = hub.join(operation, connection, recordSink(subscription, record));
  subscription.onLeave = () => {
    leave();
    record.end();
    connection.records.delete(record);
  };
  return subscription;
}

/** graphql-ws wraps what a stream throws; what was thrown tells more. */
function unwrap(error: GraphQLError): readonly GraphQLError[] {
  const { originalError } = error;
  if (originalError instanceof SubscriptionFailed) return originalError.errors;
  return [originalError instanceof GraphQLError ? originalError : error];
}

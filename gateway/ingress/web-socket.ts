import { setMaxListeners } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { GraphQLError, type ExecutionArgs } from 'graphql';
import { CloseCode, type SubscribePayload } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { IdentifyClient, RequestContext } from '../../kernel/graphql/subgraph.js';
import {
  createTraceOfPayload,
  openWebSocketServer,
  type Connection,
  type OpenWebSocketServer,
} from '../../kernel/graphql/web-socket-server.js';
import type { Principal } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Admission } from '../access/admission.js';
import { authenticateConnection } from '../access/authenticate.js';
import { readOperationRequest } from '../access/operation-request.js';
import type { OriginGuard } from '../access/origin-guard.js';
import type { Gateway } from '../gateway.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { ExpiryClock } from '../subscriptions/expiry-clock.js';
import type { SubscriptionHub } from '../subscriptions/subscription-hub.js';
import type { PickHeaders } from '../transports/header-rules.js';
import { executeOnce } from './execute-once.js';
import { SubscriptionFailed, WebSocketSubscription } from './web-socket-subscription.js';

export interface WebSocketOptions {
  readonly server: HttpServer;
  readonly path: string;
  readonly gateway: Gateway;
  readonly admission: Admission;
  readonly hub: SubscriptionHub;
  /** Closes a socket when whoever opened it is let in no more. */
  readonly expiry: ExpiryClock;
  readonly identify: IdentifyClient;
  readonly guard: OriginGuard;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  /** Of what a client presents, what subgraphs may be told; nothing by default. */
  readonly pickHeaders?: PickHeaders | undefined;
  /** The largest message a client may send, in bytes. */
  readonly maxPayloadBytes: number;
}

/** What is known of a connection. */
interface ClientConnection extends Connection, Record<PropertyKey, unknown> {
  /** Aborted when the socket closes; made for the first operation that looks at it, for subscriptions need none. */
  left: AbortController | undefined;
  /** Who it is; set when the connection is acknowledged. */
  principal: Principal | undefined;
  /** Of what it presented, what subgraphs may be told. */
  headers: RequestContext['headers'];
}

/** An operation that a client has sent. */
interface ClientOperation extends GatewayOperation {
  /** The client's name of it. */
  readonly id: string;
  readonly connection: ClientConnection;
}

const INIT_TIMEOUT_MS = 5_000;

/**
 * Serves queries, mutations and subscriptions over WebSocket. Who is asking is decided once, when the connection begins;
 * one that is not let in is closed with 4403.
 */
export function serveWebSocket(options: WebSocketOptions): OpenWebSocketServer {
  const { server, path, gateway, admission, hub, identify, guard, formatErrors, logger, maxPayloadBytes } =
    options;
  const traceOfPayload = createTraceOfPayload();
  const operations = new WeakMap<ExecutionArgs, ClientOperation>();

  function openConnection(connection: Connection): ClientConnection {
    const opened: ClientConnection = {
      ...connection,
      left: undefined,
      principal: undefined,
      headers: undefined,
    };
    gateway.metrics.sockets.inc();
    connection.socket.once('close', () => {
      gateway.metrics.sockets.dec();
      opened.left?.abort();
    });
    return opened;
  }

  function readOperation(
    connection: ClientConnection,
    id: string,
    payload: SubscribePayload,
  ): ExecutionArgs | readonly GraphQLError[] {
    const { principal } = connection;
    // graphql-ws hands on no operation before the connection is acknowledged, and then there is one.
    if (!principal) return [new GraphQLError('the connection is not acknowledged')];
    const asked = readOperationRequest({ ...payload });
    if (!asked) return [new GraphQLError('expected the parameters of a GraphQL request, got others.')];
    const admitted = admission.admit(asked, principal);
    if (admitted.kind === 'refused') return admitted.errors;
    const { generation, document, operationName, variables } = admitted;
    const { apiSchema: schema } = generation.snapshot;
    const args = { schema, document, ...(operationName === undefined ? {} : { operationName }) };
    operations.set(args, {
      id,
      connection,
      generation,
      document,
      operationName,
      variables,
      context: { principal, trace: traceOfPayload(payload), headers: connection.headers },
      get signal() {
        return signalOf(connection);
      },
    });
    return args;
  }

  function operationOf(args: ExecutionArgs): ClientOperation {
    const operation = operations.get(args);
    if (!operation) throw new Error('graphql-ws executes an operation that was not read here');
    return operation;
  }

  return openWebSocketServer<ClientConnection>({
    server,
    path,
    logger,
    maxPayloadBytes,
    allows: ({ headers: { host, origin } }) =>
      guard.refuse(origin, host) === undefined && guard.allowsOrigin(origin, host),
    openConnection,
    protocol: {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      async onConnect({ connectionParams, extra }) {
        extra.principal = await authenticateConnection(connectionParams, extra.request.headers, identify);
        extra.headers = options.pickHeaders?.(extra.request.headers, connectionParams);
        if (extra.principal) closeWhenExpired(extra.socket, extra.principal, options.expiry);
        return extra.principal !== undefined;
      },
      onSubscribe: ({ extra }, id, payload) => readOperation(extra, id, payload),
      execute: (args: ExecutionArgs) => executeOnce(operationOf(args), gateway),
      subscribe: (args: ExecutionArgs) => subscribe(operationOf(args), hub),
      onNext: (_context, _id, payload, _args, result) =>
        formatResult(result, formatErrors, traceOfPayload(payload)),
      onError: (_context, _id, payload, errors) =>
        formatErrors(errors.flatMap(unwrap), traceOfPayload(payload)),
    },
  });
}

/** One signal for all operations of a socket: there may be many, and each listens to it. */
function openLeft(): AbortController {
  const left = new AbortController();
  setMaxListeners(0, left.signal);
  return left;
}

/** Aborted when the client's socket closes. */
function signalOf(connection: ClientConnection): AbortSignal {
  const { socket } = connection;
  connection.left ??= openLeft();
  if (socket.readyState === socket.CLOSED) connection.left.abort();
  return connection.left.signal;
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
  const subscription = new WebSocketSubscription(socket, request.socket, id);
  subscription.onLeave = hub.join(operation, connection, subscription);
  return subscription;
}

/** graphql-ws wraps what a stream throws; what was thrown tells more. */
function unwrap(error: GraphQLError): readonly GraphQLError[] {
  const { originalError } = error;
  if (originalError instanceof SubscriptionFailed) return originalError.errors;
  return [originalError instanceof GraphQLError ? originalError : error];
}

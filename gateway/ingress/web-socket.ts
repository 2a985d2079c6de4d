import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, type ExecutionArgs } from 'graphql';
import { handleProtocols } from 'graphql-ws';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Identify, RequestContext } from '../../kernel/graphql/subgraph.js';
import type { Principal } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';
import { authenticateConnection } from '../access/authenticate.js';
import type { OriginGuard } from '../access/origin-guard.js';
import type { Gateway, GatewayOperation } from '../gateway.js';
import { formatResult, type FormatErrors } from './response-errors.js';

export interface WebSocketOptions {
  readonly server: HttpServer;
  readonly path: string;
  readonly gateway: Gateway;
  readonly identify: Identify;
  readonly guard: OriginGuard;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  /** The largest message a client may send, in bytes. */
  readonly maxPayloadBytes: number;
}

/** What is known of a connection beside what graphql-ws knows. */
type ConnectionExtra = Record<PropertyKey, unknown> & {
  principal?: Principal;
  /** Aborted when the socket closes. */
  left?: AbortController;
};

/** What an operation carries from its arrival to its execution; graphql-ws hands it on as the context value. */
interface SocketContext {
  readonly operation: GatewayOperation;
}

const KEEP_ALIVE_MS = 12_000;
const INIT_TIMEOUT_MS = 5_000;

/** Serves queries, mutations and subscriptions over WebSocket. Source: graphql-ws PROTOCOL.md, graphql-transport-ws. */
export function serveWebSocket(options: WebSocketOptions): { close(): Promise<void> } {
  const { server, path, gateway, identify, guard, formatErrors, logger, maxPayloadBytes } = options;
  const sockets = new WebSocketServer({ noServer: true, handleProtocols, maxPayload: maxPayloadBytes });

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { host, origin } = request.headers;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname !== path) refuse(socket, '404 Not Found');
    else if (!guard.allowsHost(host) || !guard.allowsOrigin(origin, host)) refuse(socket, '403 Forbidden');
    else
      sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  }
  server.on('upgrade', onUpgrade);

  function openOperation(
    extra: Partial<ConnectionExtra>,
    payload: {
      query: string;
      operationName?: string | null | undefined;
      variables?: Record<string, unknown> | null | undefined;
    },
  ): ExecutionArgs | readonly GraphQLError[] {
    const { principal, left } = extra;
    // graphql-ws hands on no operation before the connection is acknowledged, and then both are there.
    if (!principal || !left) return [new GraphQLError('the connection is not acknowledged')];
    const generation = gateway.current;
    const document = generation.readDocument(payload.query);
    if (!('kind' in document)) return document;
    const operationName = payload.operationName ?? undefined;
    const context: RequestContext = { principal, trace: continueTrace(undefined) };
    const { variables } = payload;
    const operation = { generation, document, operationName, variables, context, signal: left.signal };
    const contextValue: SocketContext = { operation };
    return {
      schema: generation.snapshot.apiSchema,
      document,
      contextValue,
      ...(operationName === undefined ? {} : { operationName }),
    };
  }

  const protocol = useServer<Record<string, unknown>, ConnectionExtra>(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      onConnect({ connectionParams, extra }) {
        const left = new AbortController();
        extra.left = left;
        extra.socket.once('close', () => {
          left.abort();
        });
        try {
          extra.principal = authenticateConnection(connectionParams, extra.request.headers, identify);
          return true;
        } catch {
          // Answered by the protocol's own close code, 4403.
          return false;
        }
      },
      onSubscribe: ({ extra }, _id, payload) => openOperation(extra, payload) as ExecutionArgs,
      execute: (args: ExecutionArgs) => gateway.execute((args.contextValue as SocketContext).operation),
      subscribe: (args: ExecutionArgs) => gateway.subscribe((args.contextValue as SocketContext).operation),
      onNext: (_ctx, _id, _payload, args, result) =>
        formatResult(
          result,
          (args.contextValue as SocketContext).operation.context.trace,
          formatErrors,
        ) as never,
      onError: (_ctx, _id, _payload, errors) =>
        formatErrors(errors.map(unwrap), continueTrace(undefined)) as never,
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  sockets.on('connection', (socket) => {
    gateway.metrics.sockets.inc();
    socket.once('close', () => {
      gateway.metrics.sockets.dec();
    });
    socket.on('error', (error) => {
      logger.debug({ err: error }, 'a socket failed');
    });
  });

  return {
    async close() {
      server.off('upgrade', onUpgrade);
      for (const client of sockets.clients) client.close(1001, 'Going away');
      await protocol.dispose();
    },
  };
}

/** graphql-ws wraps what a stream throws; the error that was thrown tells more. */
function unwrap(error: GraphQLError): GraphQLError {
  return error.originalError instanceof GraphQLError ? error.originalError : error;
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

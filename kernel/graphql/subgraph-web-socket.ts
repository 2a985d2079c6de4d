import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  GraphQLError,
  parse,
  validate,
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import { handleProtocols, type SubscribePayload } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Principal } from '../identity/principal.js';
import type { Logger } from '../telemetry/logger.js';
import { continueTrace } from '../telemetry/trace-context.js';
import type { FormatErrors } from './format-errors.js';
import type { Authenticate, RequestContext } from './subgraph.js';
import { subscribePerEvent } from './subscribe-per-event.js';

export interface SubgraphWebSocketOptions {
  readonly server: HttpServer;
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly createContext: (request: RequestContext) => RequestContext;
  readonly authenticate: Authenticate;
  readonly formatErrors: FormatErrors;
  readonly logger: Logger;
  /** The largest message a client may send, in bytes. */
  readonly maxPayloadBytes: number;
  readonly maxTokens: number;
}

/** What is known of a connection beside what graphql-ws knows. */
type ConnectionExtra = Record<PropertyKey, unknown> & { principal?: Principal };

const KEEP_ALIVE_MS = 12_000;
const INIT_TIMEOUT_MS = 5_000;
/** Source: RFC 6455, §7.4.1. */
const GOING_AWAY = 1001;

/** The WebSocket side of a subgraph's server. */
export interface SubgraphWebSocket {
  /** Asks every client to leave (1001) and resolves when all have left. */
  close(): Promise<void>;
  /** Breaks off whoever has not left. */
  terminate(): void;
}

/**
 * Serves queries, mutations and subscriptions over WebSocket. Who is asking is decided once, when the connection begins;
 * one that is not let in is closed with 4403.
 *
 * Source: graphql-ws PROTOCOL.md, graphql-transport-ws. The trace of an operation is continued from
 * `extensions.traceparent` of its payload, since it has no headers.
 */
export function serveSubgraphWebSocket(options: SubgraphWebSocketOptions): SubgraphWebSocket {
  const { server, path, createContext, authenticate, formatErrors, logger, maxPayloadBytes } = options;
  const sockets = new WebSocketServer({ noServer: true, handleProtocols, maxPayload: maxPayloadBytes });

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname !== path) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  }
  server.on('upgrade', onUpgrade);

  const protocol = useServer<Record<string, unknown>, ConnectionExtra>(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      isProd: true,
      async onConnect({ connectionParams, extra }) {
        const principal = await authenticate(connectionParams ?? {});
        if (principal) extra.principal = principal;
        return principal !== undefined;
      },
      onSubscribe: ({ extra }, _id, payload) => readOperation(options, payload, extra.principal),
      subscribe: async (args: ExecutionArgs) => {
        const { principal, trace } = args.contextValue as RequestContext;
        return subscribePerEvent(args, () => createContext({ principal, trace }));
      },
      onNext: (_context, _id, _payload, args, result) =>
        toWire(result, formatErrors, args.contextValue as RequestContext),
      onError: (_context, _id, payload, errors) => formatErrors(errors, traceOf(payload)),
    },
    sockets,
    KEEP_ALIVE_MS,
  );
  sockets.on('connection', (socket) => {
    // In place of what graphql-ws listens with, which writes to the console; the socket closes itself with a code.
    socket.removeAllListeners('error');
    socket.on('error', (error) => {
      logger.debug({ err: error }, 'a socket failed');
    });
  });

  return {
    async close() {
      server.off('upgrade', onUpgrade);
      for (const client of sockets.clients) client.close(GOING_AWAY, 'Going away');
      await protocol.dispose();
    },
    terminate() {
      for (const client of sockets.clients) client.terminate();
    },
  };
}

function readOperation(
  { schema, createContext, maxTokens }: SubgraphWebSocketOptions,
  payload: SubscribePayload,
  principal: Principal | undefined,
): ExecutionArgs | readonly GraphQLError[] {
  // graphql-ws hands on no operation before the connection is acknowledged, and then there is one.
  if (!principal) return [new GraphQLError('the connection is not acknowledged')];
  try {
    const document = parse(payload.query, { maxLexicalTokens: maxTokens });
    const mistakes = validate(schema, document);
    if (mistakes.length > 0) return mistakes;
    return {
      schema,
      document,
      contextValue: createContext({ principal, trace: traceOf(payload) }),
      ...(payload.operationName == null ? {} : { operationName: payload.operationName }),
      ...(payload.variables == null ? {} : { variableValues: payload.variables }),
    };
  } catch (error) {
    if (error instanceof GraphQLError) return [error];
    return [new GraphQLError('the operation could not begin', { originalError: error as Error })];
  }
}

/** A result as graphql-ws hands it on. */
interface Result {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
}

function toWire(
  { data, errors, extensions }: Result,
  formatErrors: FormatErrors,
  { trace }: RequestContext,
): FormattedExecutionResult {
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors ? { errors: formatErrors(errors, trace) } : {}),
    ...(extensions ? { extensions } : {}),
  };
}

function traceOf({ extensions }: SubscribePayload): RequestContext['trace'] {
  const traceparent = extensions?.['traceparent'];
  return continueTrace(typeof traceparent === 'string' ? traceparent : undefined);
}

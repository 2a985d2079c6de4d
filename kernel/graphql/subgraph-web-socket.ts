import type { Server as HttpServer } from 'node:http';
import { GraphQLError, type ExecutionArgs, type GraphQLSchema } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import type { Principal } from '../identity/principal.js';
import type { Logger } from '../telemetry/logger.js';
import type { TraceContext } from '../telemetry/trace-context.js';
import { formatResult, type FormatErrors } from './format-errors.js';
import { readDocument } from './read-document.js';
import type { Authenticate, RequestContext } from './subgraph.js';
import { subscribePerEvent } from './subscribe-per-event.js';
import {
  createTraceOfPayload,
  openWebSocketServer,
  type Connection,
  type OpenWebSocketServer,
} from './web-socket-server.js';

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

/** What is known of a connection. */
interface GatewayConnection extends Connection, Record<PropertyKey, unknown> {
  /** Who it is; set when the connection is acknowledged. */
  principal: Principal | undefined;
}

const INIT_TIMEOUT_MS = 5_000;

/**
 * Serves queries, mutations and subscriptions over WebSocket. Who is asking is decided once, when the connection begins;
 * one that is not let in is closed with 4403.
 *
 * The trace of an operation is continued from `extensions.traceparent` of its payload, since it has no headers.
 */
export function serveSubgraphWebSocket(options: SubgraphWebSocketOptions): OpenWebSocketServer {
  const { server, path, createContext, authenticate, formatErrors, logger, maxPayloadBytes } = options;
  const traceOfPayload = createTraceOfPayload();
  return openWebSocketServer<GatewayConnection>({
    server,
    path,
    logger,
    maxPayloadBytes,
    openConnection: (connection) => ({ ...connection, principal: undefined }),
    protocol: {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      async onConnect({ connectionParams, extra }) {
        extra.principal = await authenticate(connectionParams ?? {});
        return extra.principal !== undefined;
      },
      onSubscribe: ({ extra }, _id, payload) =>
        readOperation(options, payload, { principal: extra.principal, trace: traceOfPayload(payload) }),
      subscribe: async (args: ExecutionArgs) => {
        const { principal, trace } = args.contextValue as RequestContext;
        return subscribePerEvent(args, () => createContext({ principal, trace }));
      },
      onNext: (_context, _id, payload, _args, result) =>
        formatResult(result, formatErrors, traceOfPayload(payload)),
      onError: (_context, _id, payload, errors) => formatErrors(errors, traceOfPayload(payload)),
    },
  });
}

function readOperation(
  { schema, createContext, maxTokens }: SubgraphWebSocketOptions,
  payload: SubscribePayload,
  { principal, trace }: { readonly principal: Principal | undefined; readonly trace: TraceContext },
): ExecutionArgs | readonly GraphQLError[] {
  // graphql-ws hands on no operation before the connection is acknowledged, and then there is one.
  if (!principal) return [new GraphQLError('the connection is not acknowledged')];
  const document = readDocument(payload.query, { schema, maxTokens });
  if (!('kind' in document)) return document;
  try {
    return {
      schema,
      document,
      contextValue: createContext({ principal, trace }),
      ...(payload.operationName == null ? {} : { operationName: payload.operationName }),
      ...(payload.variables == null ? {} : { variableValues: payload.variables }),
    };
  } catch (error) {
    return [new GraphQLError('the operation could not begin', { originalError: error as Error })];
  }
}

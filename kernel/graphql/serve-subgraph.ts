import type { ApolloServer } from '@apollo/server';
import fastifyApollo from '@as-integrations/fastify';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { DocumentNode } from 'graphql';
import { AegisError } from '../errors/aegis-error.js';
import { findBearerToken } from '../identity/bearer-token.js';
import type { Principal } from '../identity/principal.js';
import { withDeadline } from '../lifecycle/lifecycle.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { traceOf, type TraceContext } from '../telemetry/trace-context.js';
import type { Tracing } from '../telemetry/tracing.js';
import { closeServer } from './close-server.js';
import { createFormatErrors } from './format-errors.js';
import { answerErrorsAsGraphQL } from './http-errors.js';
import { listeningUrl } from './listening-url.js';
import { createSubgraphApolloServer } from './subgraph-apollo-server.js';
import { createSubgraphSchema } from './subgraph-schema.js';
import { serveSubgraphWebSocket } from './subgraph-web-socket.js';
import type { Authenticate, Health, Identify, RequestContext, Subgraph } from './subgraph.js';

export interface SubgraphServerOptions {
  readonly name: string;
  readonly subgraph: Subgraph;
  readonly typeDefs: DocumentNode;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly authenticate: Authenticate;
  /** Decides who may read `/metrics`: whoever scrapes them has a key, and no hand-over of a gateway. */
  readonly identify: Identify;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Tells of each request; nothing does by default. */
  readonly tracing?: Tracing | undefined;
  /** The largest body and the largest WebSocket message, in bytes; 10 MiB by default. */
  readonly maxBodyBytes?: number;
  /** How long a stop waits for running requests and for clients to leave, in milliseconds; 5,000 by default. */
  readonly closeDeadlineMs?: number;
}

/** A subgraph that answers on a port. */
export interface SubgraphServer {
  /** Such as `http://127.0.0.1:4001`, without the path. */
  readonly url: string;
  /** Takes no more requests, lets the running ones finish, and closes the sockets. Safe to call twice. */
  close(): Promise<void>;
}

const GRAPHQL_PATH = '/graphql';
const MAX_BODY_BYTES = 10 * 1_024 * 1_024;
const MAX_TOKENS = 15_000;
/** How long a client may take to send a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000;
const HEALTH_DEADLINE_MS = 2_000;
const CLOSE_DEADLINE_MS = 5_000;

/**
 * Opens the port of one subgraph: GraphQL over HTTP and WebSocket at `/graphql`, `/health/live`, `/health/ready`,
 * `/metrics`, and the subgraph's own routes. The subgraph itself is started and closed by the caller.
 *
 * Errors: when the port cannot be had.
 */
export async function createSubgraphServer(options: SubgraphServerOptions): Promise<SubgraphServer> {
  const { subgraph, authenticate, logger, metrics } = options;
  const { maxBodyBytes = MAX_BODY_BYTES, closeDeadlineMs = CLOSE_DEADLINE_MS } = options;
  const schema = createSubgraphSchema(options.typeDefs, subgraph.resolvers);
  const formatErrors = createFormatErrors(logger);
  const apollo = createSubgraphApolloServer({ schema, formatErrors, logger, metrics, maxTokens: MAX_TOKENS });
  await apollo.start();

  const server = Fastify({
    bodyLimit: maxBodyBytes,
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  answerErrorsAsGraphQL(server, logger);
  await server.register((scope) => registerGraphQL(scope, apollo, options));
  registerHealth(server, subgraph);
  server.get('/metrics', async ({ headers }, reply) => {
    if (!options.identify({ token: findBearerToken(headers) })) {
      throw new AegisError(
        'UNAUTHENTICATED',
        'expected an API key in the header `Authorization: Bearer <key>`.',
      );
    }
    void reply.type(metrics.contentType);
    return metrics.metrics();
  });
  subgraph.routes?.(server);
  const sockets = serveSubgraphWebSocket({
    server: server.server,
    path: GRAPHQL_PATH,
    schema,
    createContext: (request) => subgraph.createContext(request),
    authenticate,
    formatErrors,
    logger,
    maxPayloadBytes: maxBodyBytes,
    maxTokens: MAX_TOKENS,
  });

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    closing ??= closeServer({
      server,
      sockets,
      name: options.name,
      logger,
      deadlineMs: closeDeadlineMs,
    }).then(() => apollo.stop());
    return closing;
  }

  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    await close();
    throw error;
  }
  return { url: listeningUrl(server), close };
}

/** GraphQL over HTTP, for those who are let in: the others are answered before Apollo Server sees them. */
async function registerGraphQL(
  scope: FastifyInstance,
  apollo: ApolloServer<RequestContext>,
  { name, subgraph, authenticate, tracing }: SubgraphServerOptions,
): Promise<void> {
  const principals = new WeakMap<FastifyRequest, Principal>();

  async function admit(request: FastifyRequest): Promise<Principal> {
    const principal = await authenticate(request.headers);
    if (principal) return principal;
    throw new AegisError(
      'UNAUTHENTICATED',
      'expected the header `Authorization: Bearer <token>` with a token that is good here, got none or another.',
    );
  }

  scope.addHook('onRequest', async (request) => {
    principals.set(request, await admit(request));
  });
  await scope.register(fastifyApollo(apollo), {
    path: GRAPHQL_PATH,
    method: ['GET', 'POST'],
    context: async (request, reply) => {
      const principal = principals.get(request) ?? (await admit(request));
      const given = traceOf(request.headers);
      const trace = tracing ? traceRequest(given, { name, reply, tracing }) : given;
      return subgraph.createContext({ principal, trace });
    },
  });
}

/** Begins the span of a request, which ends with the response, and gives the trace as it goes on below it. */
function traceRequest(
  given: TraceContext,
  {
    name,
    reply,
    tracing,
  }: { readonly name: string; readonly reply: FastifyReply; readonly tracing: Tracing },
): TraceContext {
  const span = tracing.serve(given, { name: `answer ${name}`, attributes: { 'aegis.subgraph.name': name } });
  reply.raw.once('close', () => {
    span.set('http.response.status_code', reply.statusCode);
    span.end();
  });
  return span.trace;
}

function registerHealth(server: FastifyInstance, subgraph: Subgraph): void {
  async function check(): Promise<Health> {
    try {
      return await withDeadline(subgraph.health(), HEALTH_DEADLINE_MS, 'the health check');
    } catch (error) {
      return { state: 'DOWN', reason: error instanceof Error ? error.message : String(error) };
    }
  }
  server.get('/health/live', () => ({ state: 'UP' }));
  server.get('/health/ready', async (_request, reply) => {
    const health = await check();
    void reply.code(health.state === 'UP' ? 200 : 503);
    return health;
  });
}

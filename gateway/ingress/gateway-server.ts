import type { AddressInfo } from 'node:net';
import type { ApolloServer } from '@apollo/server';
import fastifyApollo from '@as-integrations/fastify';
import fastifyCors from '@fastify/cors';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Identify } from '../../kernel/graphql/subgraph.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';
import { authenticateHeaders } from '../access/authenticate.js';
import { createOriginGuard, type OriginGuard } from '../access/origin-guard.js';
import type { Gateway } from '../gateway.js';
import { createApolloServer, type HttpContext } from './apollo-server.js';
import { registerHealth } from './health-routes.js';
import { answerErrorsAsGraphQL } from '../../kernel/graphql/http-errors.js';
import { createFormatErrors } from './response-errors.js';
import { registerPages } from './static-pages.js';
import { serveWebSocket } from './web-socket.js';

export interface GatewayServerOptions {
  readonly gateway: Gateway;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly identify: Identify;
  /** True while anybody who reaches the server is let in. */
  readonly open: boolean;
  readonly allowedOrigins: readonly string[];
  /** The largest body and the largest WebSocket message, in bytes. */
  readonly maxBodyBytes: number;
  readonly pagesFolder: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Routes of subgraphs that live in this process. */
  readonly routes: readonly ((server: FastifyInstance) => void)[];
}

export interface GatewayServer {
  /** Such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Takes no more requests, lets the running ones finish, and closes the sockets. */
  close(): Promise<void>;
}

const GRAPHQL_PATH = '/graphql';
const MAX_TOKENS = 15_000;

/** Opens the one port of the gateway: GraphQL over HTTP and WebSocket, health, metrics and the page. */
export async function openGatewayServer(options: GatewayServerOptions): Promise<GatewayServer> {
  const { gateway, identify, logger, maxBodyBytes } = options;
  const guard = createOriginGuard(options);
  const formatErrors = createFormatErrors(logger);
  const apollo = createApolloServer({ gateway, formatErrors, logger, maxTokens: MAX_TOKENS });
  await apollo.start();

  const server = Fastify({ bodyLimit: maxBodyBytes, forceCloseConnections: 'idle', requestTimeout: 60_000 });
  answerErrorsAsGraphQL(server, logger);
  await guardOrigins(server, guard);
  await server.register((scope) => registerGraphQL(scope, apollo, identify));
  registerHealth(server, gateway);
  server.get('/metrics', async (_request, reply) => {
    void reply.type(options.metrics.contentType);
    return options.metrics.metrics();
  });
  for (const route of options.routes) route(server);
  await server.register(registerPages, { folder: options.pagesFolder });

  const sockets = serveWebSocket({
    server: server.server,
    path: GRAPHQL_PATH,
    gateway,
    identify,
    guard,
    formatErrors,
    logger,
    maxPayloadBytes: maxBodyBytes,
  });
  await server.listen({ host: options.host, port: options.port });
  return {
    url: urlOf(server.server.address() as AddressInfo),
    async close() {
      await sockets.close();
      await server.close();
      await apollo.stop();
    },
  };
}

async function guardOrigins(server: FastifyInstance, guard: OriginGuard): Promise<void> {
  server.addHook('onRequest', (request, _reply, done) => {
    if (guard.allowsHost(request.headers.host)) {
      done();
      return;
    }
    done(
      new AegisError(
        'FORBIDDEN',
        `expected a request to localhost, got one to ${JSON.stringify(request.headers.host)}: without API keys the server answers to this machine only. Set AEGIS_API_KEYS to serve others.`,
      ),
    );
  });
  await server.register(fastifyCors, {
    delegator: (request, callback) => {
      const { origin, host } = request.headers;
      callback(null, {
        origin: origin !== undefined && guard.allowsOrigin(origin, host),
        methods: ['GET', 'POST'],
        maxAge: 600,
      });
    },
  });
}

/** GraphQL over HTTP, for those who are let in: the others are answered before Apollo Server sees them. */
async function registerGraphQL(
  scope: FastifyInstance,
  apollo: ApolloServer<HttpContext>,
  identify: Identify,
): Promise<void> {
  const contexts = new WeakMap<FastifyRequest, HttpContext>();
  scope.addHook('onRequest', (request, reply, done) => {
    contexts.set(request, openContext(request, reply, identify));
    done();
  });
  await scope.register(fastifyApollo(apollo), {
    path: GRAPHQL_PATH,
    method: ['GET', 'POST'],
    context: (request, reply) =>
      Promise.resolve(contexts.get(request) ?? openContext(request, reply, identify)),
  });
}

/** Who asks, under which trace, and until when: a client that closes its connection cancels what it asked for. */
function openContext(request: FastifyRequest, reply: FastifyReply, identify: Identify): HttpContext {
  const principal = authenticateHeaders(request.headers, identify);
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
  });
  const { traceparent } = request.headers;
  return {
    principal,
    trace: continueTrace(typeof traceparent === 'string' ? traceparent : undefined),
    signal: left.signal,
  };
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

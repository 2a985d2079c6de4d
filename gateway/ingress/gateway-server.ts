import fastifyCors from '@fastify/cors';
import Fastify, { type FastifyInstance } from 'fastify';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { closeServer } from '../../kernel/graphql/close-server.js';
import { createFormatErrors, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import { answerErrorsAsGraphQL } from '../../kernel/graphql/http-errors.js';
import { listeningUrl } from '../../kernel/graphql/listening-url.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { Tracing } from '../../kernel/telemetry/tracing.js';
import { ADMISSION_DEFAULTS, type AdmissionSettings } from '../access/admission-settings.js';
import { createAdmission } from '../access/admission.js';
import { authenticateHeaders } from '../access/authenticate.js';
import { hideSuggestions } from '../access/hide-suggestions.js';
import { createOriginGuard, type OriginGuard } from '../access/origin-guard.js';
import type { TrustedDocuments } from '../access/trusted-documents.js';
import { UpstreamError } from '../execution/upstream-error.js';
import type { Gateway } from '../gateway.js';
import { createExpiryClock } from '../subscriptions/expiry-clock.js';
import { createSubscriptionHub } from '../subscriptions/subscription-hub.js';
import { SUBSCRIPTION_DEFAULTS, type SubscriptionSettings } from '../subscriptions/subscription-settings.js';
import type { PickHeaders } from '../transports/header-rules.js';
import { registerGraphQL } from './graphql-routes.js';
import { registerHealth } from './health-routes.js';
import { registerMcp, type McpRouteOptions } from './mcp/mcp-routes.js';
import { MCP_DEFAULTS, offersMcp, type McpSettings } from './mcp/mcp-settings.js';
import { createOperationLog } from './operation-log.js';
import { startApollo } from './start-apollo.js';
import { offerSchema } from './schema-route.js';
import { registerPages } from './static-pages.js';
import { serveWebSocket, type WebSocketLimits } from './web-socket.js';

export interface GatewayServerOptions
  extends Partial<SubscriptionSettings>, Partial<AdmissionSettings>, Partial<McpSettings> {
  readonly gateway: Gateway;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly identify: IdentifyClient;
  /** True while anybody who reaches the server is let in. */
  readonly open: boolean;
  readonly allowedOrigins: readonly string[];
  /** The largest body and the largest WebSocket message, in bytes. */
  readonly maxBodyBytes: number;
  /** The operations that clients may ask for by an id. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** The most operations in one request; 0, by default, takes only single ones. */
  readonly maxBatch?: number;
  /** The most files that one mutation may bring; 0, by default, takes none. */
  readonly maxFiles?: number;
  /** The largest of them, in bytes; 5 MiB by default. */
  readonly maxFileBytes?: number;
  /** The most queries and mutations under way at a time on one WebSocket; 100 by default. */
  readonly maxOperationsPerConnection?: number;
  /** Whether administrators may ask for plans; true by default. */
  readonly explain?: boolean;
  /** Whether responses are compressed for clients that accept it, from this many bytes on; 0, by default, never. */
  readonly compressionBytes?: number;
  /** How many of a hundred operations have a line in the log; 0 by default. */
  readonly accessLogPercent?: number;
  /** How many names of operations, and of clients, the metrics tell apart; 200 by default. */
  readonly maxMetricNames?: number;
  readonly pagesFolder: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Tells of each operation; nothing does by default. */
  readonly tracing?: Tracing | undefined;
  /** Routes of subgraphs that live in this process. */
  readonly routes: readonly ((server: FastifyInstance) => void)[];
  /** Of the headers of a client, those that subgraphs may be told; none by default. */
  readonly pickHeaders?: PickHeaders | undefined;
  /** How long a stop waits for running requests and for clients to leave, in milliseconds; 5,000 by default. */
  readonly closeDeadlineMs?: number;
}

/** A gateway that answers on a port. */
export interface GatewayServer {
  /** Such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** Takes no more requests, lets the running ones finish, and closes the sockets. Safe to call twice. */
  close(): Promise<void>;
}

const GRAPHQL_PATH = '/graphql';
const MCP_PATH = '/mcp';
/** How long a client may take to send a request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 60_000;
const CLOSE_DEADLINE_MS = 5_000;
const MAX_METRIC_NAMES = 200;
const MAX_FILE_BYTES = 5_242_880;
const MAX_OPERATIONS_PER_CONNECTION = 100;

/** Opens the one port of the gateway: GraphQL over HTTP and WebSocket, health, metrics and the page. */
export async function openGatewayServer(options: GatewayServerOptions): Promise<GatewayServer> {
  const {
    gateway,
    identify,
    logger,
    maxBodyBytes,
    pickHeaders,
    closeDeadlineMs = CLOSE_DEADLINE_MS,
    maxBatch = 0,
    compressionBytes = 0,
  } = options;
  const guard = createOriginGuard(options);
  // A subgraph has decided what its errors say, and masked what they should not.
  const writeErrors = createFormatErrors(logger, (error) => error instanceof UpstreamError);
  const { introspection = 'on' } = options;
  const formatErrors = introspection === 'on' ? writeErrors : hideSuggestions(writeErrors);
  const expiry = createExpiryClock();
  const hub = createSubscriptionHub({
    gateway,
    expiry,
    formatErrors,
    metrics: options.metrics,
    settings: { ...SUBSCRIPTION_DEFAULTS, ...options },
  });
  const { admission, log, apollo } = await openAdmission(options, formatErrors);

  const server = Fastify({
    bodyLimit: maxBodyBytes,
    forceCloseConnections: 'idle',
    requestTimeout: REQUEST_TIMEOUT_MS,
  });
  answerErrorsAsGraphQL(server, logger);
  await guardOrigins(server, guard);
  const { maxFiles = 0, maxFileBytes = MAX_FILE_BYTES } = options;
  const uploads = { maxFiles, maxFileBytes, maxBodyBytes };
  const streams = { gateway, admission, hub, formatErrors, log };
  const route = { path: GRAPHQL_PATH, apollo, identify, pickHeaders, maxBatch, compressionBytes, uploads };
  await server.register((scope) => registerGraphQL(scope, { ...route, ...streams }));
  await offerMcp(server, options, { ...streams, guard, expiry });
  registerHealth(server, gateway);
  offerMetrics(server, options);
  offerSchema(server, { gateway, identify, introspection });
  for (const register of options.routes) register(server);
  await server.register(registerPages, { folder: options.pagesFolder });

  const sockets = serveWebSocket({
    server: server.server,
    path: GRAPHQL_PATH,
    gateway,
    admission,
    hub,
    log,
    expiry,
    identify,
    pickHeaders,
    guard,
    formatErrors,
    logger,
    metrics: options.metrics,
    ...toSocketLimits(options),
  });

  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    closing ??= closeAll();
    return closing;
  }

  async function closeAll(): Promise<void> {
    await hub.drain();
    expiry.close();
    await closeServer({ server, sockets, name: 'the gateway', logger, deadlineMs: closeDeadlineMs });
    await apollo.stop();
  }

  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    await close();
    throw error;
  }
  return { url: listeningUrl(server), close };
}

/** The process's Prometheus metrics, for whoever has a key. */
function offerMetrics(
  server: FastifyInstance,
  { identify, metrics }: Pick<GatewayServerOptions, 'identify' | 'metrics'>,
): void {
  server.get('/metrics', async (request, reply) => {
    await authenticateHeaders(request.headers, identify);
    void reply.type(metrics.contentType);
    return metrics.metrics();
  });
}

/** What the ways by which operations come have in common, and the one that Apollo Server speaks. */
async function openAdmission(options: GatewayServerOptions, formatErrors: FormatErrors) {
  const { gateway, logger, metrics, trustedDocuments, explain = true } = options;
  const settings = { ...ADMISSION_DEFAULTS, ...options };
  const admission = createAdmission({ gateway, settings, trustedDocuments });
  const log = createOperationLog({
    logger,
    metrics,
    percent: options.accessLogPercent ?? 0,
    maxNames: options.maxMetricNames ?? MAX_METRIC_NAMES,
    tracing: options.tracing,
  });
  const apollo = await startApollo({ gateway, admission, formatErrors, logger, explain, log });
  return { admission, log, apollo };
}

async function offerMcp(
  server: FastifyInstance,
  options: GatewayServerOptions,
  parts: Pick<McpRouteOptions, 'admission' | 'log' | 'formatErrors' | 'guard' | 'expiry'>,
): Promise<void> {
  const { gateway, trustedDocuments, identify, pickHeaders, logger } = options;
  const settings = { ...ADMISSION_DEFAULTS, ...MCP_DEFAULTS, ...options };
  if (!offersMcp(settings.mcp, options)) return;
  const agents = { path: MCP_PATH, gateway, settings, trustedDocuments, identify, pickHeaders, logger };
  await server.register((scope, _none, done) => {
    registerMcp(scope, { ...agents, ...parts });
    done();
  });
}

function toSocketLimits(options: GatewayServerOptions): WebSocketLimits {
  return {
    maxPayloadBytes: options.maxBodyBytes,
    maxOperationsPerConnection: options.maxOperationsPerConnection ?? MAX_OPERATIONS_PER_CONNECTION,
    maxUnsentBytes: options.maxUnsentBytes ?? SUBSCRIPTION_DEFAULTS.maxUnsentBytes,
  };
}

async function guardOrigins(server: FastifyInstance, guard: OriginGuard): Promise<void> {
  server.addHook('onRequest', ({ headers: { host, origin } }, _reply, done) => {
    const refusal = guard.refuse(origin, host);
    done(refusal === undefined ? undefined : new AegisError('FORBIDDEN', refusal));
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

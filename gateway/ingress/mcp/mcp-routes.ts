import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { IdentifyClient } from '../../../kernel/graphql/subgraph.js';
import { traceOf } from '../../../kernel/telemetry/trace-context.js';
import { authenticateHeaders } from '../../access/authenticate.js';
import type { OriginGuard } from '../../access/origin-guard.js';
import type { ExpiryClock } from '../../subscriptions/expiry-clock.js';
import type { PickHeaders } from '../../transports/header-rules.js';
import { readClientIdentity } from '../client-identity.js';
import type { McpExchange } from './mcp-exchange.js';
import type { McpHandler, McpHandlerOptions } from './mcp-handler.js';
import { readSessionClient } from './session.js';

export interface McpRouteOptions extends McpHandlerOptions {
  readonly path: string;
  readonly identify: IdentifyClient;
  readonly pickHeaders: PickHeaders | undefined;
  readonly guard: OriginGuard;
  /** Ends the streams of whoever is let in no more. */
  readonly expiry: ExpiryClock;
}

const SESSION_HEADER = 'mcp-session-id';

/**
 * Serves AI agents: the Model Context Protocol over Streamable HTTP, without sessions that the server would have to keep. An
 * agent that closes the connection of a call cancels it.
 *
 * Source: Model Context Protocol, versions 2025-03-26 to 2026-07-28, Transports, Streamable HTTP.
 */
export function registerMcp(scope: FastifyInstance, options: McpRouteOptions): void {
  const exchanges = new WeakMap<FastifyRequest, McpExchange>();
  let opening: Promise<McpHandler> | undefined;

  /** The kit takes its time to load: a server that no agent visits starts without it. */
  function open(): Promise<McpHandler> {
    opening ??= import('./mcp-handler.js').then(({ createHandler }) => createHandler(options));
    return opening;
  }

  scope.addHook('onRequest', async (request, reply) => {
    refuseOrigin(request, options.guard);
    exchanges.set(request, await openExchange(request, reply, options));
  });
  scope.addHook('preHandler', ({ body }, _reply, done) => {
    // The protocol had them in one of its versions only, and each would be as many operations as it likes.
    const batch = Array.isArray(body);
    done(batch ? new AegisError('BAD_USER_INPUT', 'expected one message, got a list.') : undefined);
  });
  scope.route({
    method: ['GET', 'POST', 'DELETE'],
    url: options.path,
    async handler(request, reply) {
      const exchange = exchanges.get(request);
      if (!exchange) throw new Error('a request came past the check of who sends it');
      const handler = await open();
      const { response, session } = await handler.answer(
        toWebRequest(request, exchange),
        exchange,
        request.body,
      );
      if (session !== undefined)
        reply.header(SESSION_HEADER, session).header('access-control-expose-headers', SESSION_HEADER);
      return reply.send(response);
    },
  });
  // The streams of agents that listen would be waited for.
  scope.addHook('preClose', async () => {
    await (await opening)?.close();
  });
}

/**
 * Where keys are asked for, other requests of pages elsewhere are only kept from reading the answer. The protocol wants them
 * refused. Source: Model Context Protocol, Transports, Security Warning.
 */
function refuseOrigin({ headers: { origin, host } }: FastifyRequest, guard: OriginGuard): void {
  if (guard.allowsOrigin(origin, host)) return;
  throw new AegisError(
    'FORBIDDEN',
    `expected an agent, or a page of this server, got a page of ${JSON.stringify(origin)}. Set AEGIS_ALLOWED_ORIGINS to let it in.`,
  );
}

/** Who asks, under which trace, and until when: who leaves, or is let in no more, cancels what it asked for. */
async function openExchange(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { identify, pickHeaders, expiry }: McpRouteOptions,
): Promise<McpExchange> {
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
  });
  const principal = await authenticateHeaders(headers, identify);
  const { expiresAt } = principal;
  if (expiresAt !== undefined) {
    const stop = expiry.watch(expiresAt, () => {
      left.abort();
    });
    reply.raw.once('close', stop);
  }
  const presented = headers[SESSION_HEADER];
  const session = typeof presented === 'string' ? presented : undefined;
  const named = readClientIdentity(headers);
  return {
    context: { principal, trace: traceOf(headers), headers: pickHeaders?.(headers) },
    client: named.name === undefined ? readSessionClient(session) : named,
    session,
    left,
  };
}

/** The request as the kit reads it. Its body has been read, and the address is of no matter to it. */
function toWebRequest({ method, url, headers }: FastifyRequest, { left: { signal } }: McpExchange): Request {
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  return new Request(new URL(url, 'http://localhost'), { method, headers: pairs, signal });
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, request as send } from 'undici';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { answerRefusal } from '../../kernel/errors/answer-refusal.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import type { SignHandOver } from '../../kernel/identity/hand-over.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { traceOf } from '../../kernel/telemetry/trace-context.js';
import { authenticateHeaders } from '../access/authenticate.js';
import type { Gateway } from '../gateway.js';
import type { SubgraphAddress } from '../supergraph/snapshot.js';

/** A path beside GraphQL that a subgraph answers. */
export interface PassedPath {
  readonly method: 'GET' | 'POST';
  /** As Fastify writes it, such as `/things/:id`. */
  readonly path: string;
  /** The subgraph's name in the supergraph. */
  readonly subgraph: string;
}

export interface PassedPathsOptions {
  readonly paths: readonly PassedPath[];
  readonly gateway: Pick<Gateway, 'current'>;
  readonly identify: IdentifyClient;
  /** How a subgraph is told who asks; undefined where that cannot be told. */
  readonly signerFor: (subgraph: string) => SignHandOver | undefined;
  /** Whether a subgraph is one that was registered while the gateway runs: nothing is passed on to those. */
  readonly isGuest: (address: SubgraphAddress) => boolean;
  /** How long the subgraph may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest answer, in bytes. */
  readonly maxResponseBytes: number;
  readonly logger: Logger;
}

/** Paths that go to subgraphs in other processes. */
export interface PassedPaths {
  readonly route: (server: FastifyInstance) => void;
  close(): Promise<void>;
}

/** The largest body that is passed on, in bytes. */
const MAX_BODY_BYTES = 65_536;
/** Of a request and of an answer, what the other side is told. */
const TOLD_THERE = ['content-type', 'accept', 'traceparent'];
const TOLD_BACK = ['content-type', 'cache-control', 'retry-after'];

/**
 * Passes paths beside GraphQL on to the subgraphs that answer them, at the address that the supergraph has for them at that time,
 * so that clients need to know one address only. The gateway finds out who asks and tells the subgraph so, as it does with
 * operations; what the client has shown stays here. Somebody unknown is passed on as nobody: what they may see, and how they
 * are refused, is the subgraph's to say. Nothing is sent twice, and redirects are not followed.
 */
export function createPassedPaths(options: PassedPathsOptions): PassedPaths {
  const agent = new Agent({ maxResponseSize: options.maxResponseBytes });
  const signers = new Map(options.paths.map(({ subgraph }) => [subgraph, options.signerFor(subgraph)]));

  async function pass(subgraph: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const target = findTarget(subgraph, request.url, options);
    const principal = await identifyOrNobody(request, options.identify);
    const authorization = principal && (await signers.get(subgraph)?.(principal));
    const answer = await send(target, {
      dispatcher: agent,
      method: request.method === 'POST' ? 'POST' : 'GET',
      headers: { ...pick(request.headers, TOLD_THERE), ...(authorization ? { authorization } : {}) },
      body: Buffer.isBuffer(request.body) ? request.body : null,
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    const text = await answer.body.text();
    return reply.code(answer.statusCode).headers(pick(answer.headers, TOLD_BACK)).send(text);
  }

  return {
    route(server) {
      // A plugin of its own: bodies are passed on as they are, and errors are told as the subgraphs' own doors tell them.
      void server.register((scope, _options, done) => {
        takeAnything(scope);
        scope.setErrorHandler((error, { headers }, reply) => {
          const { traceId } = traceOf(headers);
          const refusal = describe(error, { ...options, traceId });
          // Fastify would cut the connection while a client still sends what is too large.
          if (refusal.code === 'PAYLOAD_TOO_LARGE') void reply.removeHeader('connection');
          return answerRefusal(reply, refusal, traceId);
        });
        for (const { method, path: url, subgraph } of options.paths) {
          scope.route({ method, url, handler: (request, reply) => pass(subgraph, request, reply) });
        }
        done();
      });
    },
    close: () => agent.destroy(),
  };
}

function takeAnything(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES },
    (_request, body, parsed) => {
      parsed(null, body);
    },
  );
}

/** Beside the subgraph's GraphQL. Errors: NOT_FOUND where there is none, and for a path that leads elsewhere. */
function findTarget(subgraph: string, url: string, { gateway, isGuest }: PassedPathsOptions): URL {
  const [path = ''] = url.split('?');
  const address = gateway.current.snapshot.subgraphs.find(({ name }) => name === subgraph);
  if (address && !isGuest(address) && URL.canParse(address.url)) {
    const target = new URL(`.${path}`, address.url);
    // `..`, also written as `%2e%2e`, would lead to what is not passed on.
    if (target.pathname.endsWith(path)) return target;
  }
  throw new AegisError('NOT_FOUND', `there is nothing at ${url.slice(0, 256)}.`);
}

async function identifyOrNobody({ headers }: FastifyRequest, identify: IdentifyClient) {
  try {
    return await authenticateHeaders(headers, identify);
  } catch (error) {
    if (error instanceof AegisError && error.code === 'UNAUTHENTICATED') return undefined;
    throw error;
  }
}

function pick(headers: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

/** What failed here, in our codes; why the subgraph could not be asked is for the log. */
function describe(
  error: unknown,
  { logger, timeoutMs, traceId }: PassedPathsOptions & { readonly traceId: string },
): AegisError {
  if (error instanceof AegisError) return error;
  const { name, code, statusCode } = error as { name?: string; code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AegisError('PAYLOAD_TOO_LARGE', `expected at most ${MAX_BODY_BYTES} bytes.`);
  }
  if (statusCode !== undefined && statusCode < 500) {
    return new AegisError('BAD_USER_INPUT', 'expected another request.');
  }
  logger.warn({ err: error, traceId }, 'a subgraph could not be asked for a path');
  const what = name === 'TimeoutError' ? `did not answer within ${timeoutMs} ms` : 'cannot be reached';
  return new AegisError('UNAVAILABLE', `the subgraph that answers this ${what}. Try again later.`);
}

import type { ApolloServer } from '@apollo/server';
import fastifyCompress from '@fastify/compress';
import fastifyApollo from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { toWireError } from '../../kernel/errors/wire-error.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import { traceOf } from '../../kernel/telemetry/trace-context.js';
import { authenticateHeaders } from '../access/authenticate.js';
import type { PickHeaders } from '../transports/header-rules.js';
import { readClientIdentity } from './client-identity.js';
import { registerEventStreams, type EventStreamOptions } from './event-streams.js';
import type { HttpContext } from './http-context.js';
import { registerPlainRequests } from './plain-requests.js';
import type { OperationRecord } from './operation-log.js';
import type { UploadLimits } from './read-multipart.js';
import { registerUploads } from './register-uploads.js';

export interface GraphQLRouteOptions extends Omit<EventStreamOptions, 'contextOf'> {
  readonly apollo: ApolloServer<HttpContext>;
  readonly identify: IdentifyClient;
  readonly pickHeaders: PickHeaders | undefined;
  readonly path: string;
  /** The most operations in one request; 0 takes only single ones. */
  readonly maxBatch: number;
  readonly uploads: UploadLimits;
  /** From how many bytes on responses are compressed for who accepts it; 0 for never. */
  readonly compressionBytes: number;
}

/** From so many characters on a text is a long one. */
const LONG_TEXT = 4_096;

const METHODS = ['GET', 'POST'] as const;

/** GraphQL over HTTP, for those who are let in: the others are answered before Apollo Server sees them. */
export async function registerGraphQL(
  scope: FastifyInstance,
  {
    apollo,
    identify,
    pickHeaders,
    path,
    maxBatch,
    uploads,
    compressionBytes,
    ...streams
  }: GraphQLRouteOptions,
): Promise<void> {
  // Streams go past it, so that no event waits for the next. Requests that are compressed are not taken: a small one may
  // become any number of bytes.
  if (compressionBytes > 0)
    await scope.register(fastifyCompress, { threshold: compressionBytes, globalDecompression: false });
  registerUploads(scope, uploads);
  const contexts = new WeakMap<FastifyRequest, HttpContext>();
  scope.addHook('onRequest', async (request, reply) => {
    contexts.set(request, {
      ...(await openContext(request, reply, identify)),
      headers: pickHeaders?.(request.headers),
    });
  });
  scope.addHook('preHandler', ({ body }, _reply, done) => {
    done(Array.isArray(body) ? refuseBatch(body.length, maxBatch) : undefined);
  });
  scope.addHook('onSend', (_request, _reply, payload, done) => {
    done(null, toBytes(payload));
  });
  const contextOf = (request: FastifyRequest): HttpContext => {
    const context = contexts.get(request);
    if (!context) throw new Error('a request came past the check of who sends it');
    return context;
  };
  registerEventStreams(scope, { ...streams, contextOf });
  registerPlainRequests(scope, { ...streams, contextOf });
  await scope.register(fastifyApollo(apollo), {
    path,
    method: [...METHODS],
    context: (request) => Promise.resolve({ ...contextOf(request), isBatch: Array.isArray(request.body) }),
  });
  scope.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: path,
    handler: ({ method, headers }, reply) => {
      const error = new AegisError('BAD_USER_INPUT', `expected ${METHODS.join(' or ')}, got ${method}.`);
      const wire = toWireError(error, { traceId: traceOf(headers).traceId, onMasked: () => undefined });
      void reply
        .code(405)
        .header('allow', METHODS.join(', '))
        .send({ errors: [wire] });
    },
  });
}

/** A long text as bytes: node would write it into a buffer of three times its size, and character by character. */
function toBytes(payload: unknown): unknown {
  return typeof payload === 'string' && payload.length >= LONG_TEXT ? Buffer.from(payload) : payload;
}

/** Each operation of a batch is admitted alone; together they are only counted. */
function refuseBatch(length: number, maxBatch: number): AegisError | undefined {
  if (maxBatch === 0)
    return new AegisError('BAD_USER_INPUT', 'expected one operation, got a list: batches are switched off.');
  if (length === 0) return new AegisError('BAD_USER_INPUT', 'expected at least one operation, got none.');
  if (length <= maxBatch) return undefined;
  return new AegisError('OPERATION_TOO_COSTLY', `expected at most ${maxBatch} operations, got ${length}.`, {
    details: { limit: 'batch', expected: maxBatch, got: length },
  });
}

/** Who asks, under which trace, and until when: a client that closes its connection cancels what it asked for. */
async function openContext(
  request: FastifyRequest,
  reply: FastifyReply,
  identify: IdentifyClient,
): Promise<HttpContext> {
  const left = new AbortController();
  const records: OperationRecord[] = [];
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) left.abort();
    const length = Number(reply.getHeader('content-length'));
    for (const record of records) record.end(Number.isNaN(length) ? undefined : length);
  });
  const { headers } = request;
  const principal = await authenticateHeaders(headers, identify);
  const client = readClientIdentity(headers);
  return { principal, trace: traceOf(headers), signal: left.signal, client, records };
}

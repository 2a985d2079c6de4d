import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES, type ErrorCode } from '../../../../kernel/errors/codes.js';
import type { Identify } from '../../../../kernel/graphql/subgraph.js';
import { findBearerToken } from '../../../../kernel/identity/bearer-token.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { traceOf } from '../../../../kernel/telemetry/trace-context.js';
import type { Ingest, Receipt } from '../../readings/ingestion.js';

export interface HttpIngestionDeps {
  readonly ingest: Ingest;
  readonly identify: Identify;
  readonly logger: Logger;
  readonly maxPayloadBytes: number;
}

/** What fastify itself refuses. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'BAD_USER_INPUT',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BAD_USER_INPUT',
};

/**
 * Makes the route `POST /ingest/<device id or name>`: telemetry as JSON in, and out, once it is committed,
 * `{"accepted": n, "repeated": n}`, or `{"error": {"code", "message", "retryable", "traceId"}}`.
 *
 * Only `application/json` is taken. A page of another origin cannot send that without asking first (CORS preflight), and
 * nobody here says yes, so no web page can write readings through its visitor's browser.
 */
export function createHttpIngestion(deps: HttpIngestionDeps): (server: FastifyInstance) => void {
  return (server) => {
    // A plugin of its own: its parser and its errors are not those of the server around it.
    void server.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        'application/json',
        { parseAs: 'buffer', bodyLimit: deps.maxPayloadBytes },
        (_request, body, parsed) => {
          parsed(null, body);
        },
      );
      scope.setErrorHandler((error: FastifyError | AegisError, { headers }, reply) =>
        answerError(error, reply, { logger: deps.logger, traceId: traceOf(headers).traceId }),
      );
      scope.post('/ingest/:device', { bodyLimit: deps.maxPayloadBytes }, (request) =>
        ingestBody(request, deps),
      );
      done();
    });
  };
}

async function ingestBody(
  request: FastifyRequest,
  { ingest, identify }: HttpIngestionDeps,
): Promise<Receipt> {
  const principal = identify({ token: findToken(request.headers) });
  if (!principal) {
    throw new AegisError(
      'UNAUTHENTICATED',
      'Expected a valid key in `Authorization: Bearer <key>` or `X-Api-Key: <key>`, and got none.',
    );
  }
  const { device } = request.params as { readonly device: string };
  const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return ingest({ workspace: principal.workspace, device, payload, whenFull: 'refuse', protocol: 'HTTP' });
}

/** The key, from either of the headers that the gateway takes it from. */
function findToken(headers: FastifyRequest['headers']): string | undefined {
  const key = headers['x-api-key'];
  return findBearerToken(headers) ?? (typeof key === 'string' && key !== '' ? key : undefined);
}

interface AnswerDeps {
  readonly logger: Logger;
  readonly traceId: string;
}

function answerError(
  error: FastifyError | AegisError,
  reply: FastifyReply,
  { logger, traceId }: AnswerDeps,
): FastifyReply {
  const refusal = error instanceof AegisError ? error : fromFramework(error, { logger, traceId });
  const { httpStatus, retryable } = ERROR_CODES[refusal.code];
  // Without Fastify's cut of the connection, a client that still sends what is too large sees the answer, not the cut.
  if (refusal.code === 'PAYLOAD_TOO_LARGE') void reply.removeHeader('connection');
  if (refusal.retryAfterMs !== undefined) {
    void reply.header('retry-after', Math.ceil(refusal.retryAfterMs / 1_000));
  }
  return reply
    .status(httpStatus)
    .send({ error: { code: refusal.code, message: refusal.message, retryable, traceId } });
}

function fromFramework(error: FastifyError, { logger, traceId }: AnswerDeps): AegisError {
  const code = FRAMEWORK_CODES[error.code];
  if (code === 'BAD_USER_INPUT') {
    return new AegisError(code, `Expected a body of type application/json. (${error.message})`);
  }
  if (code) return new AegisError(code, 'Expected a smaller body; send it in several messages.');
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new AegisError('BAD_USER_INPUT', error.message);
  logger.error({ err: error, traceId }, 'ingestion over HTTP failed');
  return new AegisError(
    'INTERNAL_SERVER_ERROR',
    `The server failed in a way it did not foresee. Its log has the reason under trace id ${traceId}.`,
  );
}

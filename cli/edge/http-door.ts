import { fastify, type FastifyError, type FastifyInstance } from 'fastify';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../kernel/errors/codes.js';
import { findBearerToken } from '../../kernel/identity/bearer-token.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import { notYours, type EdgeIdentify } from '../../subgraphs/devices/edge.js';
import type { NewMessage } from './message-log.js';

export interface HttpDoorDeps {
  readonly keep: (message: NewMessage) => Promise<void>;
  readonly identify: EdgeIdentify;
  /** What `/health/ready` tells. */
  readonly status: () => Readonly<Record<string, unknown>>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly host: string;
  readonly port: number;
  readonly maxPayloadBytes: number;
}

/** The HTTP side of an edge. */
export interface HttpDoor {
  /** Such as `http://127.0.0.1:4080`. */
  readonly url: string;
  close(): Promise<void>;
}

/** The media types of telemetry. A form of a page can send none of them without asking first. */
const MEDIA_TYPES = [
  'application/json',
  'application/cbor',
  'application/senml+json',
  'application/senml+cbor',
  'application/octet-stream',
];

/**
 * Opens `POST /ingest/<device>`, answered 202 once the message is on the disk, `/health/live`, `/health/ready` and
 * `/metrics`.
 */
export async function openHttpDoor(deps: HttpDoorDeps): Promise<HttpDoor> {
  const { host, port, maxPayloadBytes, status, metrics } = deps;
  const server = fastify({ bodyLimit: maxPayloadBytes, forceCloseConnections: 'idle' });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(MEDIA_TYPES, { parseAs: 'buffer' }, (_request, body, parsed) => {
    parsed(null, body);
  });
  answerErrors(server, deps.logger);
  serveIngestion(server, deps);
  server.get('/health/live', () => ({ state: 'UP' }));
  server.get('/health/ready', () => ({ state: 'UP', ...status() }));
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  const url = await server.listen({ host, port });
  return { url, close: () => server.close() };
}

function serveIngestion(server: FastifyInstance, { identify, keep }: HttpDoorDeps): void {
  server.post<{ Params: { readonly device: string } }>('/ingest/:device', async (request, reply) => {
    const key = request.headers['x-api-key'];
    const token = findBearerToken(request.headers) ?? (typeof key === 'string' ? key : undefined);
    const sender = identify({ token });
    if (!sender) {
      throw new AegisError(
        'UNAUTHENTICATED',
        'Expected a key of this edge in `Authorization: Bearer <key>` or `X-Api-Key: <key>`, and got none.',
      );
    }
    const { device } = request.params;
    if (sender.device !== undefined && sender.device !== device) throw notYours(device);
    const payload = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (payload.length === 0)
      throw new AegisError('BAD_USER_INPUT', 'Expected telemetry, got an empty body.');
    await keep({ device, contentType: request.headers['content-type'], payload });
    return reply.code(202).send({ kept: true });
  });
}

function answerErrors(server: FastifyInstance, logger: Logger): void {
  server.setErrorHandler((error: FastifyError | AegisError, _request, reply) => {
    const refusal = error instanceof AegisError ? error : fromFramework(error, logger);
    const { httpStatus, retryable } = ERROR_CODES[refusal.code];
    if (refusal.retryAfterMs !== undefined) {
      void reply.header('retry-after', Math.ceil(refusal.retryAfterMs / 1_000));
    }
    return reply
      .code(httpStatus)
      .send({ error: { code: refusal.code, message: refusal.message, retryable } });
  });
}

function fromFramework(error: FastifyError, logger: Logger): AegisError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AegisError('PAYLOAD_TOO_LARGE', 'Expected a smaller body; send it in several messages.');
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new AegisError(
      'BAD_USER_INPUT',
      `Expected a body of ${MEDIA_TYPES.join(', ')}. (${error.message})`,
    );
  logger.error({ err: error }, 'could not take telemetry over HTTP');
  return new AegisError('UNAVAILABLE', 'The edge could not take the message; send it again.');
}

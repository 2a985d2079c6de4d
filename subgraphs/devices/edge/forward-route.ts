import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../kernel/errors/codes.js';
import type { Identify } from '../../../kernel/graphql/subgraph.js';
import { findBearerToken } from '../../../kernel/identity/bearer-token.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Ingest } from '../readings/ingestion.js';
import {
  readForwardedMessages,
  toForwardError,
  type ForwardedMessage,
  type ForwardResult,
} from './forwarded-messages.js';

export interface ForwardRouteDeps {
  readonly ingest: Ingest;
  readonly identify: Identify;
  readonly logger: Logger;
  readonly maxPayloadBytes: number;
}

/** Base64 makes four bytes of three, and each line says whose it is. */
const BODY_ALLOWANCE = 2;

/**
 * Makes the route `POST /edge/messages`, by which `aegis edge` hands on what it has kept: NDJSON in (see
 * `readForwardedMessages`), and out, once all of it is committed or refused, `{"results": […]}` in the same order.
 *
 * A message that comes again is told as repeated and not stored twice: each of its values has a time, its own or that of
 * its arrival at the edge.
 */
export function createForwardRoute(deps: ForwardRouteDeps): (server: FastifyInstance) => void {
  const bodyLimit = BODY_ALLOWANCE * deps.maxPayloadBytes;
  return (server) => {
    void server.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      // No form of a page can send this type, so that no page can write readings through its visitor's browser.
      scope.addContentTypeParser(
        'application/x-ndjson',
        { parseAs: 'string', bodyLimit },
        (_request, body, parsed) => {
          parsed(null, body);
        },
      );
      scope.setErrorHandler((error, _request, reply) => answerError(error, reply, deps.logger));
      scope.post('/edge/messages', { bodyLimit }, (request) => takeMessages(request, deps));
      done();
    });
  };
}

async function takeMessages(
  request: FastifyRequest,
  { ingest, identify }: ForwardRouteDeps,
): Promise<{ readonly results: readonly ForwardResult[] }> {
  const principal = identify({ token: findBearerToken(request.headers) });
  if (!principal) {
    throw new AegisError(
      'UNAUTHENTICATED',
      'Expected a valid key in `Authorization: Bearer <key>`, got none.',
    );
  }
  const messages = readForwardedMessages(typeof request.body === 'string' ? request.body : '');
  // All at once, and so in one commit; they are begun in their order, and that is the order of the commit.
  const results = messages.map((message) => takeMessage(message, principal.workspace, ingest));
  return { results: await Promise.all(results) };
}

async function takeMessage(
  message: ForwardedMessage,
  workspace: WorkspaceId,
  ingest: Ingest,
): Promise<ForwardResult> {
  try {
    return await ingest({
      ...message,
      workspace,
      whenFull: 'refuse',
      protocol: 'HTTP',
      source: '/edge/messages',
    });
  } catch (error) {
    return toForwardError(error);
  }
}

function answerError(error: unknown, reply: FastifyReply, logger: Logger): FastifyReply {
  const refusal = error instanceof AegisError ? error : fromFramework(error, logger);
  const { httpStatus, retryable } = ERROR_CODES[refusal.code];
  return reply
    .status(httpStatus)
    .send({ error: { code: refusal.code, message: refusal.message, retryable } });
}

function fromFramework(error: unknown, logger: Logger): AegisError {
  const { statusCode, message } = error as { readonly statusCode?: number; readonly message?: string };
  if (statusCode === 413) return new AegisError('PAYLOAD_TOO_LARGE', 'Expected a smaller body.');
  if (statusCode !== undefined && statusCode < 500)
    return new AegisError('BAD_USER_INPUT', `Expected a body of application/x-ndjson. (${message ?? ''})`);
  logger.error({ err: error }, 'could not take messages of an edge');
  return new AegisError('UNAVAILABLE', 'The messages could not be taken; send them again.');
}

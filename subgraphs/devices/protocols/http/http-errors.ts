import type { FastifyError, FastifyReply } from 'fastify';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { answerRefusal } from '../../../../kernel/errors/answer-refusal.js';
import type { ErrorCode } from '../../../../kernel/errors/codes.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';

export interface AnswerDeps {
  readonly logger: Logger;
  readonly traceId: string;
}

/** What fastify itself refuses. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'BAD_USER_INPUT',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'BAD_USER_INPUT',
};

/** Answers a request that is refused, or that failed. */
export function answerError(
  error: FastifyError | AegisError,
  reply: FastifyReply,
  deps: AnswerDeps,
): FastifyReply {
  const refusal = toRefusal(error, deps);
  // Without Fastify's cut of the connection, a client that still sends what is too large sees the answer, not the cut.
  if (refusal.code === 'PAYLOAD_TOO_LARGE') void reply.removeHeader('connection');
  return answerRefusal(reply, refusal, deps.traceId);
}

/** Any error as one that may be told; what nobody foresaw is logged instead. */
export function toRefusal(error: unknown, { logger, traceId }: AnswerDeps): AegisError {
  if (error instanceof AegisError) return error;
  const framework = error as Partial<FastifyError>;
  const code = FRAMEWORK_CODES[framework.code ?? ''];
  if (code === 'BAD_USER_INPUT') {
    return new AegisError(
      code,
      `Expected a body of type application/json, or of another type that this path takes. (${framework.message ?? ''})`,
    );
  }
  if (code) return new AegisError(code, 'Expected a smaller body; send it in several messages.');
  if (framework.statusCode !== undefined && framework.statusCode < 500)
    return new AegisError('BAD_USER_INPUT', framework.message ?? 'Expected another request.');
  logger.error({ err: error, traceId }, 'a request of a device failed');
  return new AegisError(
    'INTERNAL_SERVER_ERROR',
    `The server failed in a way it did not foresee. Its log has the reason under trace id ${traceId}.`,
  );
}

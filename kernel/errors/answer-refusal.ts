import type { FastifyReply } from 'fastify';
import type { AegisError } from './aegis-error.js';
import { ERROR_CODES, type ErrorCode } from './codes.js';

/** A refusal as it is told beside GraphQL. */
export interface ToldError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** What is told of a refusal. */
export function tellError({ code, message }: AegisError): ToldError {
  return { code, message, retryable: ERROR_CODES[code].retryable };
}

/** Answers a request beside GraphQL that is refused: by the code's status, when to try again, and `{"error": {…, "traceId"}}`. */
export function answerRefusal(reply: FastifyReply, refusal: AegisError, traceId: string): FastifyReply {
  if (refusal.retryAfterMs !== undefined) {
    void reply.header('retry-after', Math.ceil(refusal.retryAfterMs / 1_000));
  }
  return reply
    .status(ERROR_CODES[refusal.code].httpStatus)
    .send({ error: { ...tellError(refusal), traceId } });
}

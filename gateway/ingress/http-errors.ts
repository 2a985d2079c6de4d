import type { FastifyError, FastifyInstance } from 'fastify';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES, isErrorCode } from '../../kernel/errors/codes.js';
import { toWireError } from '../../kernel/errors/wire-error.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';

/** Answers requests that fail before GraphQL sees them in GraphQL's own form: `{"errors": […]}` with a code. */
export function answerErrorsAsGraphQL(server: FastifyInstance, logger: Logger): void {
  server.setErrorHandler<FastifyError | AegisError>((error, request, reply) => {
    const { traceId } = continueTrace(String(request.headers['traceparent'] ?? ''));
    const onMasked = (masked: unknown) => {
      logger.error({ err: masked, traceId }, 'a request failed');
    };
    const wire = toWireError(error instanceof AegisError ? error : describe(error), { traceId, onMasked });
    const code = wire.extensions?.['code'];
    void reply.code(isErrorCode(code) ? ERROR_CODES[code].httpStatus : 500);
    void reply.send({ errors: [wire] });
  });
}

/** Fastify's own refusals in our codes; anything else stays what it is, and is masked. */
function describe(error: FastifyError): unknown {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AegisError('PAYLOAD_TOO_LARGE', `${error.message}.`);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new AegisError('BAD_USER_INPUT', error.message);
  return error;
}

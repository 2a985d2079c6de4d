import type { FastifyError, FastifyInstance } from 'fastify';
import { AegisError } from '../errors/aegis-error.js';
import { ERROR_CODES, isErrorCode } from '../errors/codes.js';
import { toWireError } from '../errors/wire-error.js';
import type { Logger } from '../telemetry/logger.js';
import { traceOf } from '../telemetry/trace-context.js';

/** Fastify does not say which of these it is; such keys could change what other objects inherit. */
const NOT_TAKEN =
  'expected a body of JSON in which no key is __proto__, and no constructor has a key prototype; got another.';

/** Answers requests that fail before GraphQL sees them in GraphQL's own form: `{"errors": […]}` with a code. */
export function answerErrorsAsGraphQL(server: FastifyInstance, logger: Logger): void {
  server.setErrorHandler<FastifyError | AegisError>((error, { headers }, reply) => {
    const { traceId } = traceOf(headers);
    const onMasked = (masked: unknown) => {
      logger.error({ err: masked, traceId }, 'a request failed');
    };
    const wire = toWireError(describe(error), { traceId, onMasked });
    const code = wire.extensions?.['code'];
    // Fastify would cut the connection while a client still sends what is too large, and the client would see that
    // instead of the answer; without it, what still comes is read and thrown away until the request times out.
    if (code === 'PAYLOAD_TOO_LARGE') void reply.removeHeader('connection');
    if (code === 'UNAUTHENTICATED') void reply.header('www-authenticate', 'Bearer');
    void reply.code(isErrorCode(code) ? ERROR_CODES[code].httpStatus : 500).send({ errors: [wire] });
  });
  server.setNotFoundHandler(({ method, url }) => {
    throw new AegisError('NOT_FOUND', `there is nothing at ${method} ${url.slice(0, 256)}.`);
  });
}

/** Fastify's own refusals in our codes; anything else stays what it is, and is masked. */
function describe(error: FastifyError | AegisError): unknown {
  if (error instanceof AegisError) return error;
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new AegisError('PAYLOAD_TOO_LARGE', `${error.message}.`);
  if (error.code === 'FST_ERR_CTP_INVALID_JSON_BODY') return new AegisError('BAD_USER_INPUT', NOT_TAKEN);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new AegisError('BAD_USER_INPUT', error.message);
  return error;
}

import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import { toWireError } from '../errors/wire-error.js';
import type { Logger } from '../telemetry/logger.js';
import type { TraceContext } from '../telemetry/trace-context.js';

/** Turns the errors of one response into what the client reads. */
export type FormatErrors = (errors: readonly GraphQLError[], trace: TraceContext) => GraphQLFormattedError[];

/** Makes the formatter of a server: what it masks goes to the log, under the trace id that the client is told. */
export function createFormatErrors(logger: Logger): FormatErrors {
  return (errors, { traceId }) =>
    errors.map((error) =>
      toWireError(error, {
        traceId,
        onMasked: (masked) => {
          logger.error({ err: masked, traceId }, 'an operation failed');
        },
      }),
    );
}

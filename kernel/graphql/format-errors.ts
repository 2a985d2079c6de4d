import type { FormattedExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';
import { toWireError } from '../errors/wire-error.js';
import type { Logger } from '../telemetry/logger.js';
import type { TraceContext } from '../telemetry/trace-context.js';

/** Turns the errors of one response into what the client reads. */
export type FormatErrors = (errors: readonly GraphQLError[], trace: TraceContext) => GraphQLFormattedError[];

/**
 * Makes the formatter of a server: what it masks goes to the log, under the trace id that the client is told.
 *
 * @param isFinal tells of errors that were written by another server, which has masked what it would not tell: they stay
 * as they are.
 */
export function createFormatErrors(
  logger: Logger,
  isFinal: (error: GraphQLError) => boolean = () => false,
): FormatErrors {
  return (errors, { traceId }) => {
    // One failure may concern many fields; the log needs it once.
    const logged = new Set<unknown>();
    const onMasked = (masked: unknown) => {
      const cause = masked instanceof Error && 'originalError' in masked ? masked.originalError : masked;
      if (logged.has(cause)) return;
      logged.add(cause);
      logger.error({ err: masked, traceId }, 'an operation failed');
    };
    return errors.map((error) => {
      if (!isFinal(error)) return toWireError(error, { traceId, onMasked });
      const formatted = error.toJSON();
      return { ...formatted, extensions: { traceId, ...formatted.extensions } };
    });
  };
}

/** A result as an executor gives it. */
interface Result {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
}

/** A result as it is written on the wire. */
export function formatResult(
  { data, errors, extensions }: Result,
  formatErrors: FormatErrors,
  trace: TraceContext,
): FormattedExecutionResult {
  return {
    ...(errors ? { errors: formatErrors(errors, trace) } : {}),
    ...(data === undefined ? {} : { data }),
    ...(extensions ? { extensions } : {}),
  };
}

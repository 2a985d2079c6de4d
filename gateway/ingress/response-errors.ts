import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import { toWireError } from '../../kernel/errors/wire-error.js';
import type { TraceContext } from '../../kernel/telemetry/trace-context.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { UpstreamError } from '../execution/upstream-error.js';

/** Turns the errors of a response into what the client reads: those of subgraphs as they came, the rest by the one table. */
export type FormatErrors = (errors: readonly GraphQLError[], trace: TraceContext) => GraphQLFormattedError[];

export function createFormatErrors(logger: Logger): FormatErrors {
  return (errors, { traceId }) =>
    errors.map((error) => {
      // A subgraph has decided what its errors say, and masked what they should not.
      if (error instanceof UpstreamError) return withTrace(error.toJSON(), traceId);
      const onMasked = (masked: unknown) => {
        logger.error({ err: masked, traceId }, 'an operation failed');
      };
      return toWireError(error, { traceId, onMasked });
    });
}

function withTrace(error: GraphQLFormattedError, traceId: string): GraphQLFormattedError {
  return { ...error, extensions: { traceId, ...error.extensions } };
}

/** A result as an executor gives it. */
interface Result {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly extensions?: unknown;
}

/** A result as it is written on the wire. */
export function formatResult(
  { data, errors, extensions }: Result,
  trace: TraceContext,
  formatErrors: FormatErrors,
) {
  return {
    ...(errors ? { errors: formatErrors(errors, trace) } : {}),
    ...(data === undefined ? {} : { data }),
    ...(extensions ? { extensions } : {}),
  };
}

import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { ResponsePath } from './data.js';

/** What a subgraph reported, or what became of reaching it, in the terms of the client's response. */
export class UpstreamError extends GraphQLError {
  override readonly name = 'UpstreamError';
}

/** A subgraph's error before it is known where in the response it belongs. */
export interface UpstreamFailure {
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** Names the subgraph in an error that it reported, and gives it a code when it has none. */
export function describeReported(error: GraphQLFormattedError, subgraph: string): UpstreamFailure {
  const { stacktrace: _stacktrace, exception: _exception, ...extensions } = error.extensions ?? {};
  return { message: error.message, extensions: { code: 'UPSTREAM_FAILED', ...extensions, subgraph } };
}

/** Describes that a subgraph could not be asked at all. Unknown failures are not described: they are bugs, and thrown. */
export function describeUnreached(error: unknown, subgraph: string): UpstreamFailure {
  if (!(error instanceof AegisError)) throw error;
  return { message: error.message, extensions: { ...error.extensions, subgraph } };
}

export function toUpstreamError(
  { message, extensions }: UpstreamFailure,
  path?: ResponsePath,
): UpstreamError {
  return new UpstreamError(message, { extensions, path: path ? [...path] : null });
}

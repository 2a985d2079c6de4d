import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES, isErrorCode } from '../../kernel/errors/codes.js';
import type { ResponsePath } from './data.js';

/** What a subgraph reported, or what became of reaching it, in the terms of the client's response. */
export class UpstreamError extends GraphQLError {
  override readonly name = 'UpstreamError';
}

/** A subgraph's error before it is known where in the response it belongs. */
export interface UpstreamFailure {
  readonly message: string;
  readonly extensions: Readonly<Record<string, unknown>>;
  /** Said by a subgraph: the client is told of it even when nothing is missing in the response. */
  readonly reported?: true;
  /** What was thrown, when that was no error raised on purpose: for the log, and never for the client. */
  readonly unforeseen?: Error;
}

/** By these a subgraph refuses a request as it was written. The gateway wrote it, so its client is not to blame. */
const REFUSED_REQUEST = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
]);

/** Names the subgraph in an error that it reported, and gives it a code when it has none. */
export function describeReported(error: GraphQLFormattedError, subgraph: string): UpstreamFailure {
  const {
    stacktrace: _stacktrace,
    exception: _exception,
    http: _http,
    ...extensions
  } = error.extensions ?? {};
  const { code: given } = extensions;
  const code = typeof given === 'string' && !REFUSED_REQUEST.has(given) ? given : 'UPSTREAM_FAILED';
  const retryable = isErrorCode(code) && ERROR_CODES[code].retryable;
  return { message: error.message, extensions: { retryable, ...extensions, code, subgraph }, reported: true };
}

/** Breaches that a schema's owner can mend, by the names that other gateways' users know. */
export type BreachReason = 'ENTITY_KEY_MISSING' | 'SHAREABLE_LIST_MISMATCH';

/** An answer that no subgraph should give: asking again would not help. */
export function describeBreach(message: string, subgraph: string, reason?: BreachReason): UpstreamFailure {
  const extensions = { code: 'UPSTREAM_FAILED', retryable: false, subgraph, ...(reason && { reason }) };
  return { message: `subgraph ${subgraph}: ${message}`, extensions };
}

/** Describes that a subgraph could not be asked at all. What was not thrown on purpose is a bug, and will be masked. */
export function describeUnreached(error: unknown, subgraph: string): UpstreamFailure {
  if (error instanceof AegisError) {
    return { message: error.message, extensions: { ...error.extensions, subgraph } };
  }
  const unforeseen = error instanceof Error ? error : new Error(String(error));
  return { message: `subgraph ${subgraph} could not be asked.`, extensions: {}, unforeseen };
}

/** The GraphQL error of a failure; an unforeseen one is a plain error, which will be masked on its way out. */
export function toUpstreamError(
  { message, extensions, unforeseen }: UpstreamFailure,
  path?: ResponsePath,
): GraphQLError {
  const at = path ? [...path] : null;
  if (unforeseen) return new GraphQLError(message, { originalError: unforeseen, path: at });
  return new UpstreamError(message, { extensions, path: at });
}

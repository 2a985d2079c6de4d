import { GraphQLError, OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES, isErrorCode } from '../../kernel/errors/codes.js';
import { causeCodeOf } from '../transports/http-post.js';
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

/** The connection was never opened: the subgraph knows nothing of the request. */
const NEVER_CONNECTED = new Set([
  ...['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'ENOTFOUND'],
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A fetch that may fail. */
export interface UpstreamCall {
  readonly subgraph: string;
  readonly kind: OperationTypeNode;
  /** Whether the client's operation is a mutation; this fetch may be one of those that complete its response. */
  readonly mutates: boolean;
}

/**
 * Names the subgraph in an error that it reported, and gives it a code when it has none. Only one whose code or whose own
 * word says so is said to be retryable; one of a mutation only where the subgraph has refused to begin.
 */
export function describeReported(error: GraphQLFormattedError, call: UpstreamCall): UpstreamFailure {
  const {
    stacktrace: _stacktrace,
    exception: _exception,
    http: _http,
    ...extensions
  } = error.extensions ?? {};
  const { code: given } = extensions;
  const own = typeof given === 'string' && !REFUSED_REQUEST.has(given) ? given : undefined;
  const retryable = isErrorCode(own) && ERROR_CODES[own].retryable;
  return {
    message: error.message,
    extensions: {
      ...{ retryable, ...extensions },
      ...(mayRepeat(call, own === 'RATE_LIMITED') ? {} : { retryable: false }),
      code: own ?? 'UPSTREAM_FAILED',
      subgraph: call.subgraph,
    },
    reported: true,
  };
}

/**
 * Whether the client may send its operation again without doing twice what it does.
 *
 * @param notBegun whether the fetch is known to have done nothing.
 */
function mayRepeat({ kind, mutates }: UpstreamCall, notBegun: boolean): boolean {
  return !mutates || (notBegun && kind === OperationTypeNode.MUTATION);
}

/** Breaches that a schema's owner can mend, by the names that other gateways' users know. */
export type BreachReason = 'ENTITY_KEY_MISSING' | 'SHAREABLE_LIST_MISMATCH';

/** An answer that no subgraph should give: asking again would not help. */
export function describeBreach(message: string, subgraph: string, reason?: BreachReason): UpstreamFailure {
  const extensions = { code: 'UPSTREAM_FAILED', retryable: false, subgraph, ...(reason && { reason }) };
  return { message: `subgraph ${subgraph}: ${message}`, extensions };
}

/** Describes that a subgraph could not be asked at all. What was not thrown on purpose is a bug, and will be masked. */
export function describeUnreached(error: unknown, call: UpstreamCall): UpstreamFailure {
  const { subgraph } = call;
  if (error instanceof AegisError) {
    const stays = mayRepeat(call, isUnsent(error));
    const extensions = { ...error.extensions, ...(stays ? {} : { retryable: false }), subgraph };
    return { message: error.message, extensions };
  }
  const unforeseen = error instanceof Error ? error : new Error(String(error));
  return { message: `subgraph ${subgraph} could not be asked.`, extensions: {}, unforeseen };
}

/** Whether a request is known not to have reached its subgraph; UNAVAILABLE is what keeps it from being sent. */
function isUnsent(error: AegisError): boolean {
  return error.code === 'UNAVAILABLE' || NEVER_CONNECTED.has(causeCodeOf(error) ?? '');
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

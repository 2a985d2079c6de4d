import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { AegisError } from './aegis-error.js';
import { isErrorCode } from './codes.js';

/** Codes by which GraphQL servers name a request they could not take. Clients know them, so they stay as they are. */
const REQUEST_CODES = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

export interface WireErrorDeps {
  readonly traceId: string;
  /** Told of every error that is masked, so that the log holds what the client does not see. */
  readonly onMasked: (error: unknown) => void;
}

/**
 * The only place where an error becomes what a client reads.
 *
 * An error raised on purpose, or one that already carries a code of ours or of the GraphQL request layer, keeps its
 * message and extensions. Anything else becomes INTERNAL_SERVER_ERROR with a trace id and nothing of its own text.
 */
export function toWireError(error: unknown, deps: WireErrorDeps): GraphQLFormattedError {
  const formatted = error instanceof GraphQLError ? error.toJSON() : asFormatted(error);
  const position = {
    ...(formatted.path ? { path: formatted.path } : {}),
    ...(formatted.locations ? { locations: formatted.locations } : {}),
  };
  const code = formatted.extensions?.['code'];
  const deliberate = isErrorCode(code) && code !== 'INTERNAL_SERVER_ERROR';
  if (deliberate || REQUEST_CODES.has(String(code)) || isRequestError(error)) {
    // `http` tells the server which status to answer with, `stacktrace` is for its log: neither is for the client.
    const { stacktrace: _stacktrace, http: _http, ...extensions } = formatted.extensions ?? {};
    return {
      message: formatted.message,
      ...position,
      extensions: { code: 'BAD_USER_INPUT', retryable: false, ...extensions, traceId: deps.traceId },
    };
  }
  deps.onMasked(error);
  return {
    message: `The server failed in a way it did not foresee. Its log has the reason under trace id ${deps.traceId}.`,
    ...position,
    extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, traceId: deps.traceId },
  };
}

/**
 * A GraphQL error that graphql-js itself raised about the request: nothing but GraphQL errors behind it, and no path into
 * the data. (It nests them when it refuses the value of a variable.)
 */
function isRequestError(error: unknown): boolean {
  if (!(error instanceof GraphQLError) || error.path || error.extensions['code'] !== undefined) return false;
  return error.originalError === undefined || isRequestError(error.originalError);
}

function asFormatted(error: unknown): GraphQLFormattedError {
  if (error instanceof AegisError) return { message: error.message, extensions: error.extensions };
  if (typeof error === 'object' && error !== null && 'message' in error && 'extensions' in error) {
    return error as GraphQLFormattedError;
  }
  return { message: String(error) };
}

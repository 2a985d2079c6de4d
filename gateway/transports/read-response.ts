import type { GraphQLFormattedError } from 'graphql';
import type { SubgraphResponse } from './transport.js';

/**
 * Reads what a subgraph sent as a GraphQL response; undefined when it is none: neither data nor an error in it.
 *
 * A subgraph may be anybody's: errors are taken over as far as they have the form that the specification gives them.
 * Source: GraphQL specification, September 2025, §7.1 Response Format.
 */
export function readSubgraphResponse(value: unknown): SubgraphResponse | undefined {
  if (!isObject(value)) return undefined;
  const { data, errors } = value;
  if (errors !== undefined && errors !== null && !Array.isArray(errors)) return undefined;
  if (data !== undefined && data !== null && !isObject(data)) return undefined;
  const reported = readReportedErrors(errors ?? []);
  if (!data && reported.length === 0) return undefined;
  return reported.length > 0 ? { data, errors: reported } : { data };
}

/** Reads a list of errors. */
export function readReportedErrors(errors: readonly unknown[]): readonly GraphQLFormattedError[] {
  return errors.map((error) => {
    const { message, path, extensions } = isObject(error) ? error : {};
    return {
      message: typeof message === 'string' ? message : 'an error without a message.',
      ...(isPath(path) ? { path } : {}),
      ...(isObject(extensions) ? { extensions } : {}),
    };
  });
}

function isPath(value: unknown): value is (string | number)[] {
  return (
    Array.isArray(value) && value.every((step) => typeof step === 'string' || Number.isSafeInteger(step))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

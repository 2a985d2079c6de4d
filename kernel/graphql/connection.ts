import { AegisError } from '../errors/aegis-error.js';

/** Source: GraphQL Cursor Connections Specification (Relay), §4 and §5. */
export interface Connection<T> {
  readonly edges: readonly { readonly cursor: string; readonly node: T }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

/** The most nodes that one page holds. */
export const MAX_PAGE = 100;

/** Checks `first`. Errors: BAD_USER_INPUT outside 1 to {@link MAX_PAGE}. */
export function checkPageSize(first: number): number {
  if (first >= 1 && first <= MAX_PAGE) return first;
  throw new AegisError('BAD_USER_INPUT', `first: expected 1 to ${MAX_PAGE}, got ${first}.`);
}

/**
 * Makes a page from `first + 1` rows: the one row too many tells that there is a next page.
 *
 * @param after whether the page began behind a cursor, and so has a page before it.
 */
export function toConnection<T>(
  rows: readonly T[],
  { first, after, cursorOf }: { first: number; after: boolean; cursorOf: (row: T) => string },
): Connection<T> {
  const edges = rows.slice(0, first).map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: rows.length > first,
      hasPreviousPage: after,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

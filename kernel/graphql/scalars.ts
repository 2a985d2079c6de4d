import { GraphQLScalarType, Kind } from 'graphql';
import { AegisError } from '../errors/aegis-error.js';

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Reads an instant. Errors: BAD_USER_INPUT when the text is not RFC 3339 with an offset. */
export function parseInstant(text: unknown): Date {
  const at = typeof text === 'string' && INSTANT.test(text) ? new Date(text) : undefined;
  if (!at || Number.isNaN(at.getTime())) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `expected an RFC 3339 instant with an offset such as 2026-01-31T12:00:00Z, got ${JSON.stringify(text)}.`,
    );
  }
  return at;
}

/** Source: RFC 3339, §5.6. Always written in UTC with milliseconds. */
const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  parseValue: parseInstant,
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : undefined),
  serialize: (value) => {
    if (value instanceof Date) return value.toISOString();
    return parseInstant(value).toISOString();
  },
});

/** Resolvers of the scalars that `schema/shared.graphql` declares. */
export const scalarResolvers = { DateTime };

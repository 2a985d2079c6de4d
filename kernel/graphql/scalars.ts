import { GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql';
import { AegisError } from '../errors/aegis-error.js';

const INSTANT =
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Reads an instant. Errors: BAD_USER_INPUT when the text is not RFC 3339 with an offset. */
export function parseInstant(text: unknown): Date {
  const at = typeof text === 'string' ? readInstant(text) : undefined;
  if (at) return at;
  const shown = typeof text === 'string' ? globalThis.JSON.stringify(text.slice(0, 64)) : typeof text;
  throw new AegisError(
    'BAD_USER_INPUT',
    `expected an RFC 3339 instant with an offset such as 2026-01-31T12:00:00Z, got ${shown}.`,
  );
}

function readInstant(text: string): Date | undefined {
  const { year, month, day } = INSTANT.exec(text)?.groups ?? {};
  if (year === undefined) return undefined;
  // Date itself takes the 31st of February for the 3rd of March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  return new Date(text);
}

/** Source: RFC 3339, §5.6. Always written in UTC with milliseconds. */
const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  parseValue: parseInstant,
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : undefined),
  serialize: (value) => {
    const at = value instanceof Date ? value : typeof value === 'string' ? readInstant(value) : undefined;
    // A resolver's mistake, not the caller's: it must not pass for bad input.
    if (!at)
      throw new TypeError(`expected a resolver to give a Date or an RFC 3339 instant, got ${typeof value}`);
    return at.toISOString();
  },
});

/** The deepest JSON value that is taken: none that people write is deeper, and what walks it may do so recursively. */
const MAX_JSON_DEPTH = 32;

/** Takes a JSON value. Errors: BAD_USER_INPUT when it is too deep. */
function parseJsonValue(value: unknown): unknown {
  if (!isDeeper(value, MAX_JSON_DEPTH)) return value;
  throw new AegisError(
    'BAD_USER_INPUT',
    `expected a JSON value of at most ${MAX_JSON_DEPTH} levels, got one that is deeper.`,
  );
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}

/** Source: RFC 8259. Objects of the query's text are plain objects, as those of variables are. */
const JSON = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  parseValue: parseJsonValue,
  parseLiteral: (node, variables) => parseJsonValue(valueFromASTUntyped(node, variables)),
  serialize: (value) => value,
});

/** Resolvers of the scalars that `schema/shared.graphql` declares. */
export const scalarResolvers = { DateTime, JSON };

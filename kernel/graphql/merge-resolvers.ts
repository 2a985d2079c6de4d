import type { GraphQLResolverMap } from '@apollo/subgraph/dist/schema-helper/resolverMap.js';

/**
 * Merges the resolvers of several nouns into those of one contract: types that several add fields to become one.
 *
 * Errors: when two of them resolve the same field.
 */
export function mergeResolvers<Context>(
  parts: readonly Readonly<Record<string, object>>[],
): GraphQLResolverMap<Context> {
  const merged: Record<string, Record<string, unknown>> = {};
  for (const [type, fields] of parts.flatMap((part) => Object.entries(part))) {
    const own = (merged[type] ??= {});
    const twice = Object.keys(fields).find((field) => Object.hasOwn(own, field));
    if (twice !== undefined) throw new Error(`expected one resolver of ${type}.${twice}, got two`);
    Object.assign(own, fields);
  }
  return merged as GraphQLResolverMap<Context>;
}

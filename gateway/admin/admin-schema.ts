import {
  buildASTSchema,
  isObjectType,
  isScalarType,
  type DocumentNode,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { scalarResolvers } from '../../kernel/graphql/scalars.js';

/** By type and field. */
export type AdminResolvers = Readonly<
  Record<string, Readonly<Record<string, GraphQLFieldResolver<never, RequestContext>>>>
>;

/**
 * The executable schema of the administration: no subgraph, and never part of a supergraph.
 *
 * @param parts the resolvers, a concern each. Errors: when they name what the contract does not have.
 */
export function createAdminSchema(typeDefs: DocumentNode, parts: readonly AdminResolvers[]): GraphQLSchema {
  // The shared types carry directives of federation, which mean nothing here.
  const schema = buildASTSchema(typeDefs, { assumeValidSDL: true });
  for (const [name, scalar] of Object.entries(scalarResolvers)) {
    const type = schema.getType(name);
    if (isScalarType(type)) Object.assign(type, pickCoercions(scalar));
  }
  for (const [typeName, fields] of parts.flatMap((part) => Object.entries(part))) {
    const type = schema.getType(typeName);
    for (const [name, resolve] of Object.entries(fields)) {
      const field = isObjectType(type) ? type.getFields()[name] : undefined;
      if (!field) throw new Error(`the contract of the administration has no ${typeName}.${name}`);
      field.resolve = resolve as GraphQLFieldResolver<unknown, unknown>;
    }
  }
  return schema;
}

function pickCoercions({
  serialize,
  parseValue,
  parseLiteral,
}: (typeof scalarResolvers)[keyof typeof scalarResolvers]) {
  return { serialize, parseValue, parseLiteral };
}

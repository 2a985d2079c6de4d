import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLResolverMap } from '@apollo/subgraph/dist/schema-helper/resolverMap.js';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { scalarResolvers } from './scalars.js';

/** An executable subgraph schema: the contract, its resolvers and the shared scalars. */
export function createSubgraphSchema<Context>(
  typeDefs: DocumentNode,
  resolvers: GraphQLResolverMap<Context>,
): GraphQLSchema {
  return buildSubgraphSchema([
    { typeDefs, resolvers: { ...scalarResolvers, ...resolvers } as GraphQLResolverMap<unknown> },
  ]);
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLResolverMap } from '@apollo/subgraph/dist/schema-helper/resolverMap.js';
import { concatAST, parse, type DocumentNode, type GraphQLSchema } from 'graphql';
import { scalarResolvers } from './scalars.js';

/** Reads a subgraph's contract: its own SDL and the types that all subgraphs share. */
export async function loadTypeDefs(schemaFolder: string, name: string): Promise<DocumentNode> {
  const read = async (file: string) => parse(await readFile(join(schemaFolder, file), 'utf8'));
  return concatAST([await read('shared.graphql'), await read(`${name}.graphql`)]);
}

/** An executable subgraph schema: the contract, its resolvers and the shared scalars. */
export function createSubgraphSchema<Context>(
  typeDefs: DocumentNode,
  resolvers: GraphQLResolverMap<Context>,
): GraphQLSchema {
  return buildSubgraphSchema([
    { typeDefs, resolvers: { ...scalarResolvers, ...resolvers } as GraphQLResolverMap<unknown> },
  ]);
}

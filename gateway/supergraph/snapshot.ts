import { createHash } from 'node:crypto';
import { Supergraph } from '@apollo/federation-internals';
import { assertValidSchema, type GraphQLSchema } from 'graphql';

/** Where a subgraph is. */
export interface SubgraphAddress {
  readonly name: string;
  /** Where it answers by HTTP; empty when it is reached in another way. */
  readonly url: string;
}

/** One supergraph, read and checked, that never changes: an operation keeps the one it began with. */
export interface SupergraphSnapshot {
  /** The first 16 hexadecimal digits of the SHA-256 of the SDL. */
  readonly id: string;
  readonly sdl: string;
  /** What clients see: without the joins and without what is inaccessible. */
  readonly apiSchema: GraphQLSchema;
  readonly subgraphs: readonly SubgraphAddress[];
  /** The form that Apollo's planner takes. */
  readonly supergraph: Supergraph;
}

/** The text is no supergraph that can be served. */
export class SupergraphInvalid extends Error {
  override readonly name = 'SupergraphInvalid';
}

/** Reads supergraph SDL. Errors: {@link SupergraphInvalid}, with the reason. */
export function readSupergraph(sdl: string): SupergraphSnapshot {
  try {
    const supergraph = Supergraph.build(sdl);
    const apiSchema = supergraph.apiSchema().toGraphQLJSSchema();
    assertValidSchema(apiSchema);
    return {
      id: createHash('sha256').update(sdl).digest('hex').slice(0, 16),
      sdl,
      apiSchema,
      subgraphs: supergraph.subgraphsMetadata().map(({ name, url }) => ({ name, url })),
      supergraph,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SupergraphInvalid(`expected the SDL of a federation supergraph, but: ${reason}`, {
      cause: error,
    });
  }
}

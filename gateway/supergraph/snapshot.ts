import { createHash } from 'node:crypto';
import { DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES, Supergraph } from '@apollo/federation-internals';
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
  /** The labels under which fields are on their way from one subgraph to another (`@override(label:)`). */
  readonly overrideLabels: readonly string[];
  /** The form that Apollo's planner takes. */
  readonly supergraph: Supergraph;
}

/** The text is no supergraph that can be served. */
export class SupergraphInvalid extends Error {
  override readonly name = 'SupergraphInvalid';
}

/** What a supergraph may demand of its gateway: contexts are executed here, checks of access are not. */
export const SUPPORTED_FEATURES: Set<string> = new Set([
  ...DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES,
  'https://specs.apollo.dev/context/v0.1',
]);

/** Reads supergraph SDL. Errors: {@link SupergraphInvalid}, with the reason. */
export function readSupergraph(sdl: string): SupergraphSnapshot {
  try {
    const supergraph = Supergraph.build(sdl, { supportedFeatures: SUPPORTED_FEATURES });
    const apiSchema = supergraph.apiSchema().toGraphQLJSSchema();
    assertValidSchema(apiSchema);
    return {
      id: createHash('sha256').update(sdl).digest('hex').slice(0, 16),
      sdl,
      apiSchema,
      subgraphs: supergraph.subgraphsMetadata().map(({ name, url }) => ({ name, url })),
      overrideLabels: findOverrideLabels(supergraph),
      supergraph,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SupergraphInvalid(`expected the SDL of a federation supergraph, but: ${reason}`, {
      cause: error,
    });
  }
}

function findOverrideLabels({ schema }: Supergraph): readonly string[] {
  const labels = new Set<string>();
  for (const application of schema.directive('join__field')?.applications() ?? []) {
    const label: unknown = application.arguments()['overrideLabel'];
    if (typeof label === 'string') labels.add(label);
  }
  return [...labels].sort();
}

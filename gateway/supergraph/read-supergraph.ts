import { DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES, Supergraph, type Schema } from '@apollo/federation-internals';
import { assertValidSchema, isTypeSystemExtensionNode, print, printSchema } from 'graphql';
import { findTypes } from './find-types.js';
import { SupergraphInvalid, type SupergraphFacts } from './snapshot.js';

/** What a supergraph may demand of its gateway: contexts are executed here, checks of access are not. */
export const SUPPORTED_FEATURES: Set<string> = new Set([
  ...DEFAULT_SUPPORTED_SUPERGRAPH_FEATURES,
  'https://specs.apollo.dev/context/v0.1',
]);

/** A supergraph that was read: the form that Apollo's planner takes, and the facts for everybody else. */
export interface ReadSupergraph {
  readonly supergraph: Supergraph;
  readonly facts: SupergraphFacts;
}

/**
 * Reads supergraph SDL. For 20 subgraphs this takes a tenth of a second and more, so it has a thread of its own where
 * requests are served.
 *
 * Errors: {@link SupergraphInvalid}, with the reason.
 */
export function readSupergraph(sdl: string): ReadSupergraph {
  try {
    const supergraph = Supergraph.build(sdl, { supportedFeatures: SUPPORTED_FEATURES });
    return { supergraph, facts: factsOf(supergraph) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SupergraphInvalid(`expected the SDL of a federation supergraph, but: ${reason}`, {
      cause: error,
    });
  }
}

function factsOf(supergraph: Supergraph): SupergraphFacts {
  return {
    apiSdl: printApi(supergraph.apiSchema()),
    subgraphs: supergraph.subgraphsMetadata().map(({ name, url }) => ({ name, url })),
    overrideLabels: findOverrideLabels(supergraph),
    requiredObjects: findRequiredObjects(supergraph),
    types: findTypes(supergraph.schema.toGraphQLJSSchema()),
  };
}

/** What the gateway adds to every schema. Source: GraphQL incremental delivery. */
const DEFER =
  '"""Lets a fragment come after the rest of the response, for clients that accept multipart responses."""\n' +
  'directive @defer(label: String, if: Boolean! = true) on FRAGMENT_SPREAD | INLINE_FRAGMENT';

/** Errors: when clients would see no valid schema. */
function printApi(api: Schema): readonly string[] {
  const schema = api.toGraphQLJSSchema({ includeDefer: true });
  assertValidSchema(schema);
  const { definitions } = api.toAST();
  // Of a type that is nothing but extensions, only the whole schema has a definition.
  if (definitions.some(isTypeSystemExtensionNode)) return [printSchema(schema)];
  const isDefined = definitions.some((node) => 'name' in node && node.name.value === 'defer');
  return [...definitions.map((node) => print(node)), ...(isDefined ? [] : [DEFER])];
}

function findOverrideLabels({ schema }: Supergraph): readonly string[] {
  const labels = new Set<string>();
  for (const application of schema.directive('join__field')?.applications() ?? []) {
    const label: unknown = application.arguments()['overrideLabel'];
    if (typeof label === 'string') labels.add(label);
  }
  return [...labels].sort();
}

const OBJECT_OF_FIELD_SET = /(?<name>\w+)\s*(?:\([^)]*\)\s*)?\{/g;

/**
 * The names of fields that some key or `@requires` goes into: objects that are fetched for the gateway's own sake.
 *
 * A client's selection of the same object needs a value of its own. In one value, a field that may not be null and fails
 * for the one would be missing for the other.
 */
function findRequiredObjects({ schema }: Supergraph): readonly string[] {
  const names = new Set<string>();
  for (const [directive, argument] of [
    ['join__field', 'requires'],
    ['join__type', 'key'],
  ] as const) {
    for (const application of schema.directive(directive)?.applications() ?? []) {
      const fields: unknown = application.arguments()[argument];
      if (typeof fields !== 'string') continue;
      for (const { groups } of fields.matchAll(OBJECT_OF_FIELD_SET)) names.add(groups?.['name'] ?? '');
    }
  }
  return [...names];
}

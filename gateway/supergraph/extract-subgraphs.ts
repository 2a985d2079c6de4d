import {
  isTypeDefinitionNode,
  Kind,
  parse,
  print,
  visit,
  type DocumentNode,
  type SchemaDefinitionNode,
  type SchemaExtensionNode,
} from 'graphql';
import type { SubgraphText } from './compose.js';
import { restoreAnnotations } from './restore-annotations.js';
import { readSupergraph } from './read-supergraph.js';

/** The subgraphs that a supergraph was composed of, as far as it says. Errors: SupergraphInvalid. */
export function extractSubgraphs(sdl: string): readonly SubgraphText[] {
  const { supergraph } = readSupergraph(sdl);
  const whole = parse(sdl, { noLocation: true });
  return [...supergraph.subgraphs()].map((subgraph) => {
    const own = dropEmptyRoots(parse(subgraph.toString(), { noLocation: true }));
    return { name: subgraph.name, url: subgraph.url, sdl: print(restoreAnnotations(own, whole)) };
  });
}

/** A root type with no fields but those of the federation protocol is printed without its definition. */
function dropEmptyRoots(document: DocumentNode): DocumentNode {
  const defined = new Set<string>();
  for (const node of document.definitions) if (isTypeDefinitionNode(node)) defined.add(node.name.value);
  return visit(document, {
    [Kind.SCHEMA_DEFINITION]: (node: SchemaDefinitionNode): SchemaDefinitionNode | SchemaExtensionNode => {
      const operationTypes = node.operationTypes.filter(({ type }) => defined.has(type.name.value));
      if (operationTypes.length > 0) return { ...node, operationTypes };
      return { kind: Kind.SCHEMA_EXTENSION, ...(node.directives && { directives: node.directives }) };
    },
  });
}

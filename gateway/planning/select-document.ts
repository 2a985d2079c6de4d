import {
  Kind,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
} from 'graphql';

/** An operation and the fragments that it uses, in the order in which it names them. */
export function selectDocument({
  definition,
  fragments,
}: {
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}): DocumentNode {
  const used = new Map<string, FragmentDefinitionNode>();
  const read = (node: OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      [Kind.FRAGMENT_SPREAD]: ({ name: { value: name } }) => {
        const fragment = fragments.get(name);
        if (!fragment || used.has(name)) return;
        used.set(name, fragment);
        read(fragment);
      },
    });
  };
  read(definition);
  return { kind: Kind.DOCUMENT, definitions: [definition, ...used.values()] };
}

import {
  Kind,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
} from 'graphql';

/**
 * An operation and the fragments that it uses, in the order in which it names them. What is used only in questions about
 * the schema is left out: nobody but the gateway itself answers those, and a planner may know an older introspection.
 */
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
      [Kind.FIELD]: {
        // Not gone into; the node stays as it is.
        enter: ({ name }) => (isAboutSchema(name.value) ? false : undefined),
      },
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

/** Whether a field asks about the schema, whatever type it is on. */
export function isAboutSchema(fieldName: string): boolean {
  return fieldName === '__schema' || fieldName === '__type';
}

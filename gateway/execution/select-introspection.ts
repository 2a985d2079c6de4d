import {
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';

/**
 * The part of an operation that asks about the schema, as a document of its own; undefined when there is none.
 *
 * Only root fields count: `__typename` is answered where it stands.
 */
export function selectIntrospection(
  definition: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): DocumentNode | undefined {
  const selections = keepIntrospection(definition.selectionSet.selections, fragments);
  if (selections.length === 0) return undefined;
  const operation = { ...definition, selectionSet: { ...definition.selectionSet, selections } };
  return { kind: Kind.DOCUMENT, definitions: [operation, ...fragments.values()] };
}

function keepIntrospection(
  selections: readonly SelectionNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): SelectionNode[] {
  return selections.flatMap((selection): SelectionNode[] => {
    if (selection.kind === Kind.FIELD) {
      return selection.name.value === '__schema' || selection.name.value === '__type' ? [selection] : [];
    }
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
    const kept = keepIntrospection(fragment?.selectionSet.selections ?? [], fragments);
    if (kept.length === 0) return [];
    const selectionSet = { kind: Kind.SELECTION_SET, selections: kept } as const;
    return [
      {
        kind: Kind.INLINE_FRAGMENT,
        selectionSet,
        ...(selection.directives && { directives: selection.directives }),
      },
    ];
  });
}

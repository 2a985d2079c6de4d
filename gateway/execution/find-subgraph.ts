import { Kind, parse, type FragmentDefinitionNode, type SelectionNode, type SelectionSetNode } from 'graphql';
import { listFetches, type CompiledPlan, type FetchStep } from './compile-plan.js';

/**
 * The subgraph that a value of the response comes from; undefined when no fetch asks for it. Looked for only when something
 * is wrong with the value, for it reads the fetches again.
 *
 * @param keys the names of the fields on the way to it, as values are called while the plan runs.
 */
export function findSubgraph({ source, root }: CompiledPlan, keys: readonly string[]): string | undefined {
  const fetches = [...(source ? [source] : []), ...(root ? listFetches(root) : [])];
  return fetches.find((step) => brings(step, keys))?.operation.subgraph;
}

function brings(step: FetchStep, keys: readonly string[]): boolean {
  const above = step.path.flatMap(({ key }) => key ?? []);
  if (keys.length <= above.length || above.some((key, index) => keys[index] !== key)) return false;
  const below = keys.slice(above.length);
  return selects(step.operation.text, step.requires ? ['_entities', ...below] : below);
}

/** Whether a document selects what is at the end of some response names. */
function selects(text: string, names: readonly string[]): boolean {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const roots: SelectionSetNode[] = [];
  for (const node of parse(text, { noLocation: true }).definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
    if (node.kind === Kind.OPERATION_DEFINITION) roots.push(node.selectionSet);
  }

  function reaches(sets: readonly SelectionSetNode[], depth: number): boolean {
    if (depth === names.length) return true;
    const fields = sets.flatMap(({ selections }) => selections.flatMap((node) => named(node, names[depth])));
    if (fields.length === 0) return false;
    return (
      depth + 1 === names.length ||
      reaches(
        fields.flatMap(({ selectionSet }) => selectionSet ?? []),
        depth + 1,
      )
    );
  }

  function named(
    node: SelectionNode,
    name: string | undefined,
  ): readonly { selectionSet?: SelectionSetNode | undefined }[] {
    if (node.kind === Kind.FIELD) return (node.alias ?? node.name).value === name ? [node] : [];
    const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value);
    return fragment?.selectionSet.selections.flatMap((inner) => named(inner, name)) ?? [];
  }

  return reaches(roots, 0);
}

import { Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql';

/**
 * How many selections an operation has once its fragments are spread, which is what planning it takes. A short document
 * may have any number: each fragment that spreads another one twice doubles it.
 *
 * The whole document counts, and a fragment counts wherever it is spread. Infinity for fragments that spread themselves.
 */
export function countSelections({ definitions }: DocumentNode): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of definitions)
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const counts = new Map<string, number>();

  function countFragment(name: string): number {
    const known = counts.get(name);
    if (known !== undefined) return known;
    const fragment = fragments.get(name);
    if (!fragment) return 0;
    counts.set(name, Number.POSITIVE_INFINITY);
    const count = countSet(fragment.selectionSet);
    counts.set(name, count);
    return count;
  }

  function countSet({ selections }: SelectionSetNode): number {
    let count = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) count += countFragment(selection.name.value);
      else count += 1 + (selection.selectionSet ? countSet(selection.selectionSet) : 0);
    }
    return count;
  }

  let total = 0;
  for (const node of definitions)
    if (node.kind === Kind.OPERATION_DEFINITION) total += countSet(node.selectionSet);
  return total;
}

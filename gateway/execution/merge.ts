import { isDataObject, setValue, valueOf, type DataObject } from './data.js';

/** What merging asks about what it meets. */
export interface MergeRules {
  /** Whether a name is that of an object type, not of an interface that some subgraph knows as one object type. */
  isObjectType(typename: unknown): boolean;
  /** Two subgraphs gave lists of different length for a field of an object: the items of the second are lost. */
  onListMismatch(kept: readonly unknown[], lost: readonly unknown[], owner: DataObject): void;
}

/**
 * Adds what a subgraph answered to an object of the response, in place.
 *
 * What is there stays: two subgraphs that give the same shareable field agree by contract. Objects and lists of equal
 * length are merged into each other; a list of another length cannot be matched item by item, so the first one stands.
 * A `__typename` that only names an interface (`@interfaceObject`) gives way to the object type's.
 */
export function mergeInto(target: DataObject, source: DataObject, rules: MergeRules): void {
  for (const key of Object.keys(source)) {
    const current = valueOf(target, key);
    const incoming = source[key];
    if (current === undefined || current === null) setValue(target, key, incoming);
    else if (key === '__typename') target[key] = rules.isObjectType(current) ? current : incoming;
    else mergeValues(current, incoming, { owner: target, rules });
  }
}

function mergeValues(
  current: unknown,
  incoming: unknown,
  at: { readonly owner: DataObject; readonly rules: MergeRules },
): void {
  if (current === incoming) return;
  if (isDataObject(current) && isDataObject(incoming)) mergeInto(current, incoming, at.rules);
  if (!Array.isArray(current) || !Array.isArray(incoming)) return;
  if (current.length !== incoming.length) {
    at.rules.onListMismatch(current, incoming, at.owner);
    return;
  }
  for (const [index, item] of (incoming as readonly unknown[]).entries()) {
    if (current[index] === null) current[index] = item;
    else mergeValues(current[index], item, at);
  }
}

import { isDataObject, type DataObject } from './data.js';

/**
 * Adds what a subgraph answered to an object of the response, in place.
 *
 * What is there stays: two subgraphs that give the same shareable field agree by contract. Objects and lists of equal
 * length are merged into each other; a list of another length cannot be matched item by item, so the first one stands.
 */
export function mergeInto(target: DataObject, source: DataObject): void {
  for (const key of Object.keys(source)) {
    const current = target[key];
    const incoming = source[key];
    if (current === undefined || current === null) target[key] = incoming;
    else mergeValues(current, incoming);
  }
}

function mergeValues(current: unknown, incoming: unknown): void {
  if (current === incoming) return;
  if (isDataObject(current) && isDataObject(incoming)) mergeInto(current, incoming);
  if (Array.isArray(current) && Array.isArray(incoming) && current.length === incoming.length) {
    for (const [index, item] of incoming.entries()) {
      if (current[index] === null) current[index] = item;
      else mergeValues(current[index], item);
    }
  }
}

import type { QueryPlanSelectionNode } from '@apollo/query-planner';
import { isDataObject, setValue, valueOf, type DataObject } from './data.js';
import type { PossibleTypes } from './possible-types.js';

/** The entities that one fetch asks a subgraph for: each once, however many places wait for it. */
export interface Representations {
  readonly values: readonly DataObject[];
  /** For each of the values, the objects of the response that it completes. */
  readonly targets: readonly (readonly DataObject[])[];
  /** Objects for which no representation could be made. */
  readonly incomplete: readonly IncompleteObject[];
}

/** An object that lacks what its representation needs. */
export interface IncompleteObject {
  readonly object: DataObject;
  /** What the value of the first field that is missing is called in the data. */
  readonly missing: string;
  /** What that field is called in the representation: by its name. */
  readonly name: string;
}

/** A field that a representation needs is not in the data. */
class Missing {
  readonly key: string;
  readonly name: string;
  constructor(key: string, name: string) {
    this.key = key;
    this.name = name;
  }
}

/**
 * Makes the representations of some objects, as the plan's `requires` asks, without duplicates.
 *
 * A field of `requires` is read by its name and sent under its alias, where it has one.
 * Keys are taken as they are: an empty string, 0 and false are keys like any other; a null is sent as null.
 *
 * @param rewrite changes a representation before it is compared and sent.
 * Source: Apollo Federation subgraph specification, `_entities` and `_Any`.
 */
export function collectRepresentations(
  objects: readonly DataObject[],
  requires: readonly QueryPlanSelectionNode[],
  { possibleTypes, rewrite }: { possibleTypes: PossibleTypes; rewrite: (representation: DataObject) => void },
): Representations {
  const values: DataObject[] = [];
  const targets: DataObject[][] = [];
  const incomplete: IncompleteObject[] = [];
  const indexes = new Map<string, number>();
  for (const object of objects) {
    if (typeof object['__typename'] !== 'string') {
      incomplete.push({ object, missing: '__typename', name: '__typename' });
      continue;
    }
    const representation = project(object, requires, possibleTypes);
    if (representation instanceof Missing) {
      incomplete.push({ object, missing: representation.key, name: representation.name });
      continue;
    }
    // No fragment of `requires` holds for this type: the fetch is for its siblings.
    if (!Object.hasOwn(representation, '__typename')) continue;
    rewrite(representation);
    const identity = JSON.stringify(representation);
    const index = indexes.get(identity) ?? values.length;
    if (index === values.length) {
      indexes.set(identity, index);
      values.push(representation);
      targets.push([]);
    }
    targets[index]?.push(object);
  }
  return { values, targets, incomplete };
}

function project(
  source: DataObject,
  selections: readonly QueryPlanSelectionNode[],
  possibleTypes: PossibleTypes,
): DataObject | Missing {
  const result: DataObject = {};
  for (const selection of selections) {
    if (selection.kind === 'InlineFragment') {
      const { typeCondition } = selection;
      if (typeCondition !== undefined && !possibleTypes.meets(source['__typename'], typeCondition)) continue;
      const part = project(source, selection.selections, possibleTypes);
      if (part instanceof Missing) return part;
      Object.assign(result, part);
      continue;
    }
    const { name, alias = name } = selection;
    const value = projectValue(valueOf(source, name), selection.selections, possibleTypes);
    if (value === undefined) return new Missing(name, alias);
    if (value instanceof Missing) return value;
    setValue(result, alias, value);
  }
  return result;
}

function projectValue(
  value: unknown,
  selections: readonly QueryPlanSelectionNode[] | undefined,
  possibleTypes: PossibleTypes,
): unknown {
  if (value === undefined || value === null || !selections) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => projectValue(item, selections, possibleTypes));
    return items.find((item) => item instanceof Missing) ?? items;
  }
  return isDataObject(value) ? project(value, selections, possibleTypes) : value;
}

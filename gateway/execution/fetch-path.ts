import { isDataObject, readerOf, type DataObject, type ResponsePath } from './data.js';
import type { PossibleTypes } from './possible-types.js';

/** One step of the way from the root to the objects that a fetch completes. */
interface PathStep {
  /** The field to go into; undefined stays at the object, for the sake of the types. */
  readonly key: string | undefined;
  /** Reads the field of an object. */
  readonly read: (object: DataObject) => unknown;
  /** The types that go on from here, when the planner split them; undefined means all. */
  readonly types: readonly string[] | undefined;
}

/** The way from the root to the objects that a fetch completes; lists on it are walked at every depth. */
export type FetchPath = readonly PathStep[];

const TYPE_CONDITIONS = /^(?<key>[^|]*)\|\[(?<types>[^\]]*)\]$/;

/** Reads a path of a plan: names, `@` for list items, and `|[A,B]` behind a step that holds for some types only. */
export function compileFetchPath(path: ResponsePath): FetchPath {
  return path
    .map((element) => {
      const { key = String(element), types } = TYPE_CONDITIONS.exec(String(element))?.groups ?? {};
      return {
        key: key === '@' || key === '' ? undefined : key,
        read: readerOf(key),
        types: types?.split(',').map((type) => type.trim()),
      };
    })
    .filter(({ key, types }) => key !== undefined || types !== undefined);
}

/**
 * Receives each object at the end of a path, with its place in the response and the objects that it is inside of, from
 * the root on. Place and objects are reused: copy to keep.
 */
type Visit = (object: DataObject, at: readonly (string | number)[], ancestors: readonly DataObject[]) => void;

/** Visits the objects at the end of a path, in the order of the response; what is null or missing on the way is left out. */
export function visitTargets(
  root: DataObject,
  path: FetchPath,
  possibleTypes: PossibleTypes,
  visit: Visit,
): void {
  const at: (string | number)[] = [];
  const ancestors: DataObject[] = [];

  function walk(value: unknown, depth: number): void {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        at.push(index);
        walk(item, depth);
        at.pop();
      }
      return;
    }
    if (!isDataObject(value)) return;
    const types = path[depth - 1]?.types;
    if (!types || types.some((type) => possibleTypes.meets(value['__typename'], type))) step(value, depth);
  }

  function step(object: DataObject, depth: number): void {
    const next = path[depth];
    if (!next) {
      visit(object, at, ancestors);
    } else if (next.key === undefined) {
      walk(object, depth + 1);
    } else {
      at.push(next.key);
      ancestors.push(object);
      walk(next.read(object), depth + 1);
      ancestors.pop();
      at.pop();
    }
  }

  walk(root, 0);
}

/** Lists in lists beyond any type: an answer that nests deeper would overflow the stack. */
const MAX_LIST_NESTING = 1_000;

/** Receives each place at the end of a path: `holder[key]` is the object; the root is held by nothing. */
type VisitPlace = (object: DataObject, holder: object | undefined, key: string | number) => void;

/**
 * Visits the places at the end of a path as {@link visitTargets} does, without saying where in the response they are.
 *
 * @param shared objects that stand in several places: what is below them is visited once.
 */
export function visitPlaces(
  root: DataObject,
  path: FetchPath,
  { possibleTypes, shared }: { possibleTypes: PossibleTypes; shared: ReadonlySet<DataObject> },
  visit: VisitPlace,
): void {
  const entered: Set<DataObject>[] = [];

  let nesting = 0;

  function walk(value: unknown, depth: number, holder: object | undefined, key: string | number): void {
    if (Array.isArray(value)) {
      walkList(value, depth);
      return;
    }
    if (!isDataObject(value)) return;
    const types = depth > 0 ? path[depth - 1]?.types : undefined;
    if (types && !types.some((type) => possibleTypes.meets(value['__typename'], type))) return;
    const next = path[depth];
    if (!next) visit(value, holder, key);
    else if (next.key === undefined) walk(value, depth + 1, holder, key);
    else if (!shared.has(value) || enters(value, depth)) walk(next.read(value), depth + 1, value, next.key);
  }

  function walkList(values: readonly unknown[], depth: number): void {
    if (nesting >= MAX_LIST_NESTING) return;
    nesting += 1;
    for (let index = 0; index < values.length; index += 1) walk(values[index], depth, values, index);
    nesting -= 1;
  }

  function enters(object: DataObject, depth: number): boolean {
    const before = (entered[depth] ??= new Set());
    if (before.has(object)) return false;
    before.add(object);
    return true;
  }

  walk(root, 0, undefined, '');
}

import type { FetchDataRewrite, QueryPlanSelectionNode } from '@apollo/query-planner';
import { isDataObject, readerOf, type DataObject } from './data.js';
import { stringToJson, valueToJson } from './json-text.js';
import type { PossibleTypes } from './possible-types.js';

/** What stands for an object in a fetch: its JSON text, which tells equal ones and is sent as it is. */
export type RepresentationWriter = (
  object: DataObject,
  possibleTypes: PossibleTypes,
) => string | MissingField | undefined;

/** A field that a representation needs is not in the data. */
export class MissingField {
  /** What its value is called in the data. */
  readonly key: string;
  /** What it is called in the representation: by its name. */
  readonly name: string;
  constructor(key: string, name: string) {
    this.key = key;
    this.name = name;
  }
}

/** One field of a representation. */
interface Part {
  readonly key: string;
  readonly name: string;
  readonly read: (object: DataObject) => unknown;
  /** `"name":` */
  readonly label: string;
  /** The value as text, where it is the same for every object. */
  readonly constant: string | undefined;
  readonly inner: PartsByType | undefined;
}

/** The fields of a representation for the type that an object says it has. */
type PartsByType = (typename: unknown, possibleTypes: PossibleTypes) => readonly Part[];

const NO_TYPENAME = new MissingField('__typename', '__typename');
const TYPE_CONDITION = '... on ';

/**
 * Reads the `requires` of a fetch once, for all its requests. The writer answers with an object's representation; with
 * the field that is missing for it; or with undefined when the fetch is not for objects of this type, but for their
 * siblings.
 *
 * A field of `requires` is read by its name and sent under its alias, where it has one.
 * Keys are taken as they are: an empty string, 0 and false are keys like any other; a null is sent as null.
 *
 * @param rewrites what is sent as `__typename` instead of the object's own (`@interfaceObject`).
 * Source: Apollo Federation subgraph specification, `_entities` and `_Any`.
 */
export function compileRepresentation(
  requires: readonly QueryPlanSelectionNode[],
  rewrites: readonly FetchDataRewrite[] | undefined,
): RepresentationWriter {
  const partsOf = resolveByType([requires], (rewrites ?? []).map(readTypenameRewrite));
  return (object, possibleTypes) => {
    const typename = object['__typename'];
    if (typeof typename !== 'string') return NO_TYPENAME;
    const parts = partsOf(typename, possibleTypes);
    // No fragment of `requires` holds for this type.
    if (!parts.some(({ name }) => name === '__typename')) return undefined;
    return writeParts(object, parts, possibleTypes);
  };
}

interface TypenameRewrite {
  readonly condition: string;
  readonly typename: string;
}

/** The planner rewrites nothing but the type of what it asks an interface for. */
function readTypenameRewrite(rewrite: FetchDataRewrite): TypenameRewrite {
  const [condition, field, ...rest] = rewrite.path;
  if (
    rewrite.kind === 'ValueSetter' &&
    condition?.startsWith(TYPE_CONDITION) &&
    field === '__typename' &&
    rest.length === 0
  ) {
    return { condition: condition.slice(TYPE_CONDITION.length), typename: String(rewrite.setValueTo) };
  }
  throw new Error(`a plan rewrites a representation at ${rewrite.path.join('.')}, which is not executed`);
}

/** Resolves fragments, and merges fields that are selected twice, once for each type. */
function resolveByType(
  sets: readonly (readonly QueryPlanSelectionNode[])[],
  rewrites: readonly TypenameRewrite[],
): PartsByType {
  const known = new Map<unknown, readonly Part[]>();
  return (typename, possibleTypes) => {
    const parts = known.get(typename);
    if (parts) return parts;
    const meets = (condition: string) => possibleTypes.meets(typename, condition);
    const fields = new Map<string, FieldOfRequires>();
    for (const set of sets) collectFields(set, meets, fields);
    const constant = rewrites.find(({ condition }) => meets(condition))?.typename;
    const resolved = [...fields].map(([name, field]) =>
      toPart(name, field, name === '__typename' ? constant : undefined),
    );
    known.set(typename, resolved);
    return resolved;
  };
}

interface FieldOfRequires {
  readonly key: string;
  readonly sets: (readonly QueryPlanSelectionNode[])[];
}

function collectFields(
  set: readonly QueryPlanSelectionNode[],
  meets: (condition: string) => boolean,
  fields: Map<string, FieldOfRequires>,
): void {
  for (const selection of set) {
    if (selection.kind === 'InlineFragment') {
      const { typeCondition } = selection;
      if (typeCondition === undefined || meets(typeCondition))
        collectFields(selection.selections, meets, fields);
      continue;
    }
    const { name: key, alias: name = key, selections } = selection;
    const field = fields.get(name) ?? { key, sets: [] };
    fields.set(name, field);
    if (selections) field.sets.push(selections);
  }
}

function toPart(name: string, { key, sets }: FieldOfRequires, constant: string | undefined): Part {
  return {
    key,
    name,
    read: readerOf(key),
    label: `${JSON.stringify(name)}:`,
    constant: constant === undefined ? undefined : stringToJson(constant),
    inner: sets.length > 0 ? resolveByType(sets, []) : undefined,
  };
}

function writeParts(
  object: DataObject,
  parts: readonly Part[],
  possibleTypes: PossibleTypes,
): string | MissingField {
  let text = '{';
  for (const part of parts) {
    const { key, name, read, label, constant, inner } = part;
    const value = constant ?? writeValue(read(object), inner, possibleTypes);
    if (value === undefined) return new MissingField(key, name);
    if (typeof value !== 'string') return value;
    text += text.length > 1 ? `,${label}${value}` : `${label}${value}`;
  }
  return `${text}}`;
}

function writeValue(
  value: unknown,
  inner: PartsByType | undefined,
  possibleTypes: PossibleTypes,
): string | MissingField | undefined {
  if (!inner) return valueToJson(value);
  if (Array.isArray(value)) return writeList(value, inner, possibleTypes);
  if (!isDataObject(value)) return valueToJson(value);
  return writeParts(value, inner(value['__typename'], possibleTypes), possibleTypes);
}

function writeList(
  values: readonly unknown[],
  inner: PartsByType,
  possibleTypes: PossibleTypes,
): string | MissingField {
  const items: string[] = [];
  for (const value of values) {
    const item = writeValue(value, inner, possibleTypes) ?? 'null';
    if (typeof item !== 'string') return item;
    items.push(item);
  }
  return `[${items.join(',')}]`;
}

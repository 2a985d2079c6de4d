import {
  getNamedType,
  isCompositeType,
  isObjectType,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import { isDataObject, valueOf, type DataObject, type ResponsePath } from './data.js';
import { resolveType, type FieldShape, type SelectionShape } from './response-shape.js';

/** A value of the response as a path walks down to it. */
interface Standpoint {
  readonly value: unknown;
  readonly type: GraphQLCompositeType;
  readonly selection: SelectionShape;
}

/** The response that paths lead into. */
export interface ResponseRoot {
  readonly data: DataObject;
  readonly type: GraphQLObjectType;
  readonly selection: SelectionShape;
}

/**
 * Where a place that has an error stands in the client's response: under each response name that its value serves.
 *
 * A path is cut where it leaves what the client selected: a field that was only fetched for the sake of another (a key,
 * a required field) fails at the object that needed it.
 *
 * @param path in the names that values have while a plan runs.
 */
export function toResponsePaths(
  path: ResponsePath,
  schema: GraphQLSchema,
  root: ResponseRoot,
): readonly ResponsePath[] {
  const found: ResponsePath[] = [];

  function walk(here: Standpoint, depth: number, shown: ResponsePath): void {
    const element = path[depth];
    if (element === undefined) {
      found.push(shown);
    } else if (typeof element === 'number') {
      const value: unknown = Array.isArray(here.value) ? here.value[element] : undefined;
      walk({ ...here, value }, depth + 1, [...shown, element]);
    } else {
      const fields = findFields(here, element, schema);
      for (const field of fields) walkInto(field, here.value, depth, [...shown, field.responseName]);
      if (fields.length === 0) found.push(shown);
    }
  }

  function walkInto(field: FieldShape, parent: unknown, depth: number, shown: ResponsePath): void {
    const inner = getNamedType(field.type);
    if (!isCompositeType(inner) || !field.selection) {
      found.push([...shown, ...path.slice(depth + 1)]);
      return;
    }
    const value = isDataObject(parent) ? valueOf(parent, field.key) : undefined;
    walk({ value, type: inner, selection: field.selection }, depth + 1, shown);
  }

  walk({ value: root.data, type: root.type, selection: root.selection }, 0, []);
  return found;
}

/** The fields of a place that have a value in common, one for each response name. */
function findFields(
  { value, type, selection }: Standpoint,
  key: string,
  schema: GraphQLSchema,
): readonly FieldShape[] {
  const fields = new Map<string, FieldShape>();
  for (const possible of possibleTypesOf(value, type, schema)) {
    for (const field of selection.fieldsOf(possible)) {
      if (field.key === key && !fields.has(field.responseName)) fields.set(field.responseName, field);
    }
  }
  return [...fields.values()];
}

/** Of a null of an abstract type nobody knows what it would have been. */
function possibleTypesOf(value: unknown, type: GraphQLCompositeType, schema: GraphQLSchema) {
  if (!isDataObject(value) && !isObjectType(type)) return schema.getPossibleTypes(type);
  const known = resolveType(type, isDataObject(value) ? value['__typename'] : undefined, schema);
  return known ? [known] : [];
}

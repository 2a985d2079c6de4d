import {
  GraphQLError,
  isCompositeType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLCompositeType,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import { isDataObject, setValue, valueOf, type DataObject, type ResponsePath } from './data.js';
import type { Problems } from './problems.js';
import { toResponsePaths } from './response-paths.js';
import { resolveType, type FieldShape, type ResponseType, type SelectionShape } from './response-shape.js';
import { toUpstreamError } from './upstream-error.js';

/** What a response is shaped from. */
export interface ShapeInput {
  readonly schema: GraphQLSchema;
  readonly rootType: GraphQLObjectType;
  readonly selection: SelectionShape;
  readonly data: DataObject;
  readonly problems: Problems;
  /** Answers a field that asks about the schema. Taken as it is. */
  readonly introspect: (field: FieldShape) => unknown;
}

/** A response as the client asked for it. */
export interface ShapedResponse {
  readonly data: DataObject | null;
  readonly errors: readonly GraphQLError[];
}

/**
 * Shapes what the subgraphs gave into the response that the client asked for: its fields in its order, values of the
 * declared types, nulls carried up to the nearest nullable place, and an error for each place where one began.
 *
 * Source: GraphQL specification, September 2025, §6.4.3 Value Completion and §6.4.4 Handling Execution Errors.
 */
export function shapeResponse(input: ShapeInput): ShapedResponse {
  const shaper = createShaper(input);
  const data = shaper.completeFields(input.data, input.rootType, input.selection);
  // What no missing field accounts for must still be told: a subgraph may report an error and leave nothing out.
  const rest = input.problems.rest().map((failure) => toUpstreamError(failure));
  return { data, errors: [...shaper.errors, ...rest] };
}

/** The errors of a response, and which nulls they account for. */
function createErrorList({ schema, problems, rootType, data, selection }: ShapeInput) {
  const errors: GraphQLError[] = [];
  /** Every prefix of the path of every error: a null there has its reason below. */
  const explained = new Set<string>();

  function explain(path: ResponsePath): void {
    for (let length = 0; length <= path.length; length += 1) explained.add(path.slice(0, length).join('\n'));
  }

  for (const { failure, path } of problems.located) {
    for (const shown of toResponsePaths(path, schema, { data, type: rootType, selection })) {
      errors.push(toUpstreamError(failure, shown.length > 0 ? shown : undefined));
      explain(shown);
    }
  }
  return {
    errors,
    report(error: GraphQLError, at: ResponsePath): void {
      errors.push(error);
      explain(at);
    },
    explains: (at: ResponsePath) => explained.has(at.join('\n')),
  };
}

function createShaper(input: ShapeInput) {
  const { schema, problems, introspect } = input;
  const at: (string | number)[] = [];
  const { errors, report, explains } = createErrorList(input);

  function refuse(message: string): null {
    const extensions = { code: 'UPSTREAM_FAILED', retryable: false };
    report(new GraphQLError(message, { path: [...at], extensions }), at);
    return null;
  }

  /** The fields of an object, or null when one of them may not be null but is. */
  function completeFields(
    object: DataObject,
    type: ResponseType,
    selection: SelectionShape,
  ): DataObject | null {
    const result: DataObject = {};
    for (const field of selection.fieldsOf(type)) {
      const value = completeField(object, field);
      if (value === null && isNonNullType(field.type)) return null;
      setValue(result, field.responseName, value);
    }
    problems.complete(object);
    return result;
  }

  function completeField(object: DataObject, field: FieldShape): unknown {
    const { responseName, key, name } = field;
    if (name === '__typename' && isObjectType(field.parentType)) return field.parentType.name;
    if (name === '__schema' || name === '__type') return introspect(field) ?? null;
    at.push(responseName);
    // An interface's own name is no answer to __typename.
    const raw = name === '__typename' ? null : valueOf(object, key);
    if (raw === undefined) reportMissing(object, key);
    const value = complete(raw, field.type, field);
    at.pop();
    return value;
  }

  function reportMissing(object: DataObject, key: string): void {
    const failure = problems.reasonFor(object, key);
    if (failure) report(toUpstreamError(failure, at), at);
  }

  /** A value of its type, or null: when it is null, or when something below it that may not be null is. */
  function complete(value: unknown, type: GraphQLOutputType, field: FieldShape): unknown {
    if (isNonNullType(type)) {
      const inner = complete(value, type.ofType, field);
      if (inner === null && !explains(at)) {
        refuse(`Cannot return null for non-nullable field ${field.parentType.name}.${field.name}.`);
      }
      return inner;
    }
    if (value === null || value === undefined) return null;
    if (isListType(type)) return completeList(value, type.ofType, field);
    if (isLeafType(type)) return completeLeaf(value, type, field);
    return isCompositeType(type) ? completeObject(value, type, field) : null;
  }

  function completeList(value: unknown, itemType: GraphQLOutputType, field: FieldShape): unknown {
    if (!Array.isArray(value)) return refuse(expected('a list', field, value));
    const items: unknown[] = [];
    for (const [index, item] of value.entries()) {
      at.push(index);
      const completed = complete(item, itemType, field);
      at.pop();
      if (completed === null && isNonNullType(itemType)) return null;
      items.push(completed);
    }
    return items;
  }

  function completeLeaf(value: unknown, type: GraphQLLeafType, field: FieldShape): unknown {
    try {
      const serialized: unknown = type.serialize(value);
      if (serialized !== undefined && serialized !== null) return serialized;
    } catch {
      // Refused below, without the scalar's own words: they may quote the value.
    }
    return refuse(expected(`a value of type ${type.name}`, field, value));
  }

  function completeObject(value: unknown, type: GraphQLCompositeType, field: FieldShape): unknown {
    if (!isDataObject(value)) return refuse(expected(`an object of type ${type.name}`, field, value));
    const objectType = resolveType(type, value['__typename'], schema);
    if (!objectType) return refuse(expected(`an object of a type that ${type.name} can have`, field, value));
    return field.selection ? completeFields(value, objectType, field.selection) : null;
  }

  return { completeFields, errors };
}

function expected(what: string, field: FieldShape, value: unknown): string {
  const came = Array.isArray(value) ? 'a list' : `a value of JavaScript type ${typeof value}`;
  return `${field.parentType.name}.${field.name}: expected ${what} from its subgraph, got ${came}.`;
}

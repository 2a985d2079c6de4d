import {
  GraphQLError,
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
import type { LocatedFailure, Problems } from './problems.js';
import { toResponsePaths } from './response-paths.js';
import {
  resolveType,
  type DeferredShape,
  type FieldShape,
  type ResponseType,
  type SelectionShape,
} from './response-shape.js';
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
  /** The subgraph that a value comes from, by the keys on the way to it; undefined when nobody knows. */
  readonly findSubgraph: (keys: readonly string[]) => string | undefined;
}

/** A part of a response that comes later, and where. */
export interface DeferredPlace {
  readonly part: DeferredShape;
  /** The object of the data whose fields it has. */
  readonly object: DataObject;
  readonly type: ResponseType;
  /** Where in the response they go. */
  readonly path: ResponsePath;
  /** What the values on the way there are called while the plan runs. */
  readonly keys: readonly string[];
}

/** A response as the client asked for it. */
export interface ShapedResponse {
  readonly data: DataObject | null;
  readonly errors: readonly GraphQLError[];
  /** The parts that come later, at objects that are in the response. */
  readonly deferred: readonly DeferredPlace[];
}

/**
 * Shapes what the subgraphs gave into the response that the client asked for: its fields in its order, values of the
 * declared types, nulls carried up to the nearest nullable place, and an error for each place where one began.
 *
 * Source: GraphQL specification, September 2025, §6.4.3 Value Completion and §6.4.4 Handling Execution Errors.
 */
export function shapeResponse(input: ShapeInput): ShapedResponse {
  const shaper = createShaper(input, createErrorList(input, []));
  return shape(
    shaper,
    { object: input.data, type: input.rootType, selection: input.selection },
    input.problems,
  );
}

/** What a part that comes later is shaped from. */
export interface PartInput extends ShapeInput {
  readonly place: DeferredPlace;
}

/** Shapes one part that comes later; `selection` is that of the response with all its parts. */
export function shapePart({ place, ...input }: PartInput): ShapedResponse {
  const { object, type, part, path } = place;
  const shaper = createShaper(input, createErrorList(input, path), place);
  return shape(shaper, { object, type, selection: part.selection }, input.problems);
}

interface ShapedObject {
  readonly object: DataObject;
  readonly type: ResponseType;
  readonly selection: SelectionShape;
}

function shape(
  { completeFields, errors, deferred }: ReturnType<typeof createShaper>,
  { object, type, selection }: ShapedObject,
  problems: Problems,
): ShapedResponse {
  const data = completeFields(object, type, selection);
  // What no missing field accounts for must still be told: a subgraph may report an error and leave nothing out.
  const rest = problems.rest().map((failure) => toUpstreamError(failure));
  return { data, errors: [...errors, ...rest], deferred: data ? deferred : [] };
}

/**
 * The errors of a response, and which nulls they account for.
 *
 * @param within only what is below this path is told.
 */
function createErrorList(
  { schema, problems, rootType, data, selection, findSubgraph }: ShapeInput,
  within: ResponsePath,
) {
  const errors: GraphQLError[] = [];
  /** Every prefix of the path of every error: a null there has its reason below. Undefined while there is no error. */
  let explained: Set<string> | undefined;

  function explain(path: ResponsePath): void {
    explained ??= new Set();
    for (let length = 0; length <= path.length; length += 1) explained.add(path.slice(0, length).join('\n'));
  }

  const isWithin = (path: ResponsePath) => within.every((step, index) => path[index] === step);
  function take({ failure, path }: LocatedFailure, isToTell: boolean): void {
    const shown = toResponsePaths(path, schema, { data, type: rootType, selection });
    for (const place of shown.filter(isWithin)) {
      if (isToTell) errors.push(toUpstreamError(failure, place.length > 0 ? place : undefined));
      explain(place);
    }
  }

  for (const located of problems.located) take(located, true);
  // What was told with an earlier part explains what is null here, and is not told again.
  for (let some = problems.earlier; some; some = some.earlier) {
    for (const located of some.located) take(located, false);
  }
  function report(error: GraphQLError, at: ResponsePath): void {
    errors.push(error);
    explain(at);
  }

  return {
    errors,
    /** A value is missing, perhaps because a fetch failed. */
    reportMissing(object: DataObject, key: string, at: ResponsePath): void {
      const failure = problems.reasonFor(object, key);
      if (failure) report(toUpstreamError(failure, at), at);
    },
    /** A subgraph gave what it should not: null stands in its place. */
    refuse(message: string, at: ResponsePath, keys: readonly string[]): null {
      const subgraph = findSubgraph(keys);
      const extensions = {
        code: 'UPSTREAM_FAILED',
        retryable: false,
        ...(subgraph !== undefined && { subgraph }),
      };
      report(new GraphQLError(message, { path: [...at], extensions }), at);
      return null;
    },
    explains: (at: ResponsePath) => explained?.has(at.join('\n')) ?? false,
  };
}

function createShaper(
  { schema, problems, introspect }: ShapeInput,
  errorList: ReturnType<typeof createErrorList>,
  begin: Pick<DeferredPlace, 'path' | 'keys'> = { path: [], keys: [] },
) {
  const at: (string | number)[] = [...begin.path];
  const keys: string[] = [...begin.keys];
  const deferred: DeferredPlace[] = [];

  const refuse = (message: string) => errorList.refuse(message, at, keys);

  /** The fields of an object, or null when one of them may not be null but is. */
  function completeFields(
    object: DataObject,
    type: ResponseType,
    selection: SelectionShape,
  ): DataObject | null {
    const result: DataObject = {};
    for (const part of selection.deferredOf(type)) {
      deferred.push({ part, object, type, path: [...at], keys: [...keys] });
    }
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
    keys.push(key);
    // An interface's own name is no answer to __typename.
    const raw = name === '__typename' ? null : valueOf(object, key);
    if (raw === undefined) errorList.reportMissing(object, key, at);
    const value = complete(raw, field.type, field);
    keys.pop();
    at.pop();
    return value;
  }

  /** A value of its type, or null: when it is null, or when something below it that may not be null is. */
  function complete(value: unknown, type: GraphQLOutputType, field: FieldShape): unknown {
    if (isNonNullType(type)) {
      const inner = complete(value, type.ofType, field);
      if (inner === null && !errorList.explains(at)) {
        refuse(`Cannot return null for non-nullable field ${field.parentType.name}.${field.name}.`);
      }
      return inner;
    }
    if (value === null || value === undefined) return null;
    if (isLeafType(type))
      return serialize(value, type) ?? refuse(expected(`a value of type ${type.name}`, field, value));
    const before = deferred.length;
    const completed = isListType(type)
      ? completeList(value, type.ofType, field)
      : completeObject(value, type as GraphQLCompositeType, field);
    // Nothing comes later for what is not there.
    if (completed === null) deferred.length = before;
    return completed;
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

  function completeObject(value: unknown, type: GraphQLCompositeType, field: FieldShape): unknown {
    if (!isDataObject(value)) return refuse(expected(`an object of type ${type.name}`, field, value));
    const objectType = resolveType(type, value['__typename'], schema);
    if (!objectType) return refuse(expected(`an object of a type that ${type.name} can have`, field, value));
    return field.selection ? completeFields(value, objectType, field.selection) : null;
  }

  return { completeFields, errors: errorList.errors, deferred };
}

/** A leaf as its type writes it; undefined when the type refuses it, without its own words: they may quote the value. */
function serialize(value: unknown, type: GraphQLLeafType): unknown {
  try {
    return type.serialize(value) ?? undefined;
  } catch {
    return undefined;
  }
}

function expected(what: string, field: FieldShape, value: unknown): string {
  const came = Array.isArray(value) ? 'a list' : `a value of JavaScript type ${typeof value}`;
  return `${field.parentType.name}.${field.name}: expected ${what} from its subgraph, got ${came}.`;
}

import {
  getNullableType,
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLString,
  isCompositeType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  type GraphQLCompositeType,
  type GraphQLEnumType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql';
import { isDataObject, readerOf, type DataObject } from './data.js';
import { stringToJson, valueToJson } from './json-text.js';
import { resolveType, type FieldShape, type SelectionShape } from './response-shape.js';

/**
 * Writes a response in which nothing is amiss as JSON text. Undefined says that something is: a null where none may be, a
 * value of another type, a question about the schema. Then shape-response.ts has to look closer, and to say what.
 *
 * @param shared objects that stand in several places: each is written once, however many these are.
 */
export type ResponseWriter = (data: DataObject, shared: ReadonlySet<DataObject>) => string | undefined;

/** What a response is written from. */
export interface WriterSource {
  readonly schema: GraphQLSchema;
  readonly rootType: GraphQLObjectType;
  readonly selection: SelectionShape;
}

/** The objects of one response that stand in several places, and what was written of them. */
interface SharedTexts {
  readonly shared: ReadonlySet<DataObject>;
  /** By the selection that they were written with. */
  readonly texts: Map<SelectionShape, Map<DataObject, string>>;
}

/** Writes a value of one type, or undefined when it is none. */
type WriteValue = (value: unknown, shared: SharedTexts) => string | undefined;

interface FieldWriter {
  /** The response name as it stands in the text, with the brace or the comma before it. */
  readonly label: string;
  readonly read: (object: DataObject) => unknown;
  readonly write: WriteValue;
}

type WriteFields = (object: DataObject, shared: SharedTexts) => string | undefined;

const nothingWritten = (): undefined => undefined;

/**
 * Makes the writer of an operation. Selections are resolved at the first object of each type, and kept.
 *
 * Source: GraphQL specification, September 2025, §6.4.3 Value Completion, for what is amiss.
 */
export function compileResponseWriter(source: WriterSource): ResponseWriter {
  const write = compileFields(source.selection.fieldsOf(source.rootType), source.schema);
  return (data, shared) => write(data, { shared, texts: new Map() });
}

function compileFields(shapes: readonly FieldShape[], schema: GraphQLSchema): WriteFields {
  // @skip and @include may leave out all there is.
  if (shapes.length === 0) return () => '{}';
  const fields = shapes.map((shape, index) => compileField(shape, index === 0, schema));
  return (object, shared) => {
    let text = '';
    for (const { label, read, write } of fields) {
      const value = write(read(object), shared);
      if (value === undefined) return undefined;
      text += label + value;
    }
    return `${text}}`;
  };
}

function compileField(shape: FieldShape, isFirst: boolean, schema: GraphQLSchema): FieldWriter {
  const label = `${isFirst ? '{' : ','}${JSON.stringify(shape.responseName)}:`;
  if (!shape.name.startsWith('__')) {
    return { label, read: readerOf(shape.key), write: compileValue(shape.type, shape, schema) };
  }
  const isTypename = shape.name === '__typename' && isObjectType(shape.parentType);
  const typename = stringToJson(shape.parentType.name);
  return { label, read: nothingWritten, write: isTypename ? () => typename : nothingWritten };
}

function compileValue(type: GraphQLOutputType, shape: FieldShape, schema: GraphQLSchema): WriteValue {
  const write = compilePresent(getNullableType(type), shape, schema);
  return isNonNullType(type) ? write : (BUILT_IN_OR_NULL.get(write) ?? orNull(write));
}

function orNull(write: WriteValue): WriteValue {
  return (value, shared) => (value === null || value === undefined ? 'null' : write(value, shared));
}

/** Writes what is there: a null is not. */
function compilePresent(type: GraphQLOutputType, shape: FieldShape, schema: GraphQLSchema): WriteValue {
  if (isListType(type)) return compileList(compileValue(type.ofType, shape, schema));
  if (isCompositeType(type)) return compileObject(type, shape, schema);
  if (isEnumType(type)) return compileEnum(type);
  return compileScalar(type);
}

function compileList(write: WriteValue): WriteValue {
  return (value, shared) => {
    if (!Array.isArray(value)) return undefined;
    let text = '[';
    for (let index = 0; index < value.length; index += 1) {
      const item = write(value[index], shared);
      if (item === undefined) return undefined;
      text += index === 0 ? item : `,${item}`;
    }
    return `${text}]`;
  };
}

function compileObject(
  type: GraphQLCompositeType,
  { selection }: FieldShape,
  schema: GraphQLSchema,
): WriteValue {
  if (!selection) return nothingWritten;
  const writerFor = isObjectType(type)
    ? compilePlain(type, selection, schema)
    : compileAbstract(type, selection, schema);
  return (value, shared) => {
    if (!isDataObject(value)) return undefined;
    const write = writerFor(value);
    return shared.shared.has(value) ? writeShared(value, selection, write, shared) : write(value, shared);
  };
}

function compilePlain(
  type: GraphQLObjectType,
  selection: SelectionShape,
  schema: GraphQLSchema,
): (object: DataObject) => WriteFields {
  let write: WriteFields | undefined;
  return () => (write ??= compileFields(selection.fieldsOf(type), schema));
}

function compileAbstract(
  type: GraphQLCompositeType,
  selection: SelectionShape,
  schema: GraphQLSchema,
): (object: DataObject) => WriteFields {
  const writers = new Map<unknown, WriteFields>();
  return (object) => {
    const typename = object['__typename'];
    const known = writers.get(typename);
    if (known) return known;
    const resolved = resolveType(type, typename, schema);
    // Names that are no types come from a subgraph gone wrong: they must not pile up.
    if (!resolved) return nothingWritten;
    const write = compileFields(selection.fieldsOf(resolved), schema);
    writers.set(typename, write);
    return write;
  };
}

function writeShared(
  object: DataObject,
  selection: SelectionShape,
  write: WriteFields,
  shared: SharedTexts,
): string | undefined {
  const texts = shared.texts.get(selection) ?? new Map<DataObject, string>();
  shared.texts.set(selection, texts);
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = write(object, shared);
  if (text !== undefined) texts.set(object, flat(text));
  return text;
}

/**
 * A text as one piece. The engine keeps a concatenation as a tree of its parts until somebody reads it, and would walk the
 * tree again for each place where the text stands.
 */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

function compileEnum(type: GraphQLEnumType): WriteValue {
  const texts = new Map<unknown, string>(
    type.getValues().map(({ name, value }) => [value, stringToJson(name)]),
  );
  return (value) => texts.get(value);
}

/** The scalars of the specification take no more than JSON's own form of them here; everything else takes a closer look. */
const BUILT_IN = new Map<GraphQLScalarType, WriteValue>([
  [GraphQLString, (value) => (typeof value === 'string' ? stringToJson(value) : undefined)],
  [GraphQLID, (value) => (typeof value === 'string' ? stringToJson(value) : undefined)],
  [GraphQLBoolean, (value) => (value === true ? 'true' : value === false ? 'false' : undefined)],
  [GraphQLInt, (value) => (typeof value === 'number' && (value | 0) === value ? `${value}` : undefined)],
  [GraphQLFloat, (value) => (typeof value === 'number' && Number.isFinite(value) ? `${value}` : undefined)],
]);
/** Most fields of most operations: one function for all of them. */
const BUILT_IN_OR_NULL = new Map([...BUILT_IN.values()].map((write) => [write, orNull(write)]));

function compileScalar(type: GraphQLScalarType): WriteValue {
  return BUILT_IN.get(type) ?? ((value) => writeCustom(value, type));
}

function writeCustom(value: unknown, type: GraphQLScalarType): string | undefined {
  try {
    const serialized: unknown = type.serialize(value);
    return serialized === null ? undefined : valueToJson(serialized);
  } catch {
    return undefined;
  }
}

import {
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLString,
  GraphQLBoolean,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type GraphQLEnumType,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedInputType,
  type GraphQLScalarType,
} from 'graphql';

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Record<string, unknown>;

/** Turns types of a GraphQL schema into JSON Schemas that share their definitions. */
export interface JsonSchemaWriter {
  write(type: GraphQLInputType): JsonSchema;
  /** Of the input objects and enums that were written so far, for `$defs`. */
  readonly definitions: Readonly<Record<string, JsonSchema>>;
}

const MAX_INT = 2 ** 31 - 1;

const BUILT_IN = new Map<string, JsonSchema>([
  [GraphQLInt.name, { type: 'integer', minimum: -MAX_INT - 1, maximum: MAX_INT }],
  [GraphQLFloat.name, { type: 'number' }],
  [GraphQLString.name, { type: 'string' }],
  [GraphQLBoolean.name, { type: 'boolean' }],
  [GraphQLID.name, { type: 'string', description: 'An opaque id.' }],
]);

/**
 * Makes a writer that has written nothing yet. Input objects and enums stand under `$defs`, so that those that contain each
 * other can be written; custom scalars take any value, for only their descriptions say which.
 *
 * Sources: GraphQL, September 2025, §3.5 and §3.10, for the values that types take; JSON Schema, draft 2020-12.
 */
export function createJsonSchemaWriter(): JsonSchemaWriter {
  const definitions: Record<string, JsonSchema> = {};

  function write(type: GraphQLInputType): JsonSchema {
    return isNonNullType(type) ? writePresent(type.ofType) : orNull(writePresent(type));
  }

  function writePresent(type: Exclude<GraphQLInputType, { ofType: unknown }> | GraphQLInputType): JsonSchema {
    if (isNonNullType(type)) return writePresent(type.ofType);
    if (isListType(type)) return { type: 'array', items: write(type.ofType) };
    if (isInputObjectType(type) || isEnumType(type)) {
      if (!definitions[type.name]) define(type);
      return { $ref: `#/$defs/${type.name}` };
    }
    return BUILT_IN.get(type.name) ?? writeScalar(type);
  }

  function define(type: GraphQLInputObjectType | GraphQLEnumType): void {
    const definition: JsonSchema = {};
    // There before its fields are looked at: one of them may be of this type again.
    definitions[type.name] = definition;
    Object.assign(definition, isEnumType(type) ? writeEnum(type) : writeObject(type));
  }

  function writeObject(type: GraphQLInputObjectType): JsonSchema {
    const fields = Object.values(type.getFields());
    const required = fields.filter(isRequiredInputField).map(({ name }) => name);
    return {
      ...describe(type),
      type: 'object',
      properties: Object.fromEntries(fields.map((field) => [field.name, writeField(field)])),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
      ...(type.isOneOf ? { minProperties: 1, maxProperties: 1 } : {}),
    };
  }

  function writeField({ type, description, defaultValue, deprecationReason }: GraphQLInputField): JsonSchema {
    return {
      ...write(type),
      ...(description ? { description } : {}),
      ...(defaultValue === undefined ? {} : { default: defaultValue }),
      ...(deprecationReason == null ? {} : { deprecated: true }),
    };
  }

  return { write, definitions };
}

function orNull(schema: JsonSchema): JsonSchema {
  const { type } = schema;
  if (typeof type === 'string') return { ...schema, type: [type, 'null'] };
  return '$ref' in schema ? { anyOf: [schema, { type: 'null' }] } : schema;
}

function writeEnum(type: GraphQLEnumType): JsonSchema {
  const values = type.getValues();
  const told = values.flatMap(({ name, description }) => (description ? `${name}: ${description}` : []));
  const description = [type.description ?? [], ...told].flat().join('\n');
  return {
    ...(description === '' ? {} : { description }),
    type: 'string',
    enum: values.map(({ name }) => name),
  };
}

function writeScalar({ name, description, specifiedByURL }: GraphQLScalarType): JsonSchema {
  const specified = specifiedByURL ? ` Specified by ${specifiedByURL}.` : '';
  return { description: `${name}${description ? `: ${description}` : ''}${specified}` };
}

function describe({ description }: GraphQLNamedInputType): JsonSchema {
  return description ? { description } : {};
}

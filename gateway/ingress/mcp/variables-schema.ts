import {
  isInputObjectType,
  isInputType,
  isNonNullType,
  Kind,
  typeFromAST,
  TypeInfo,
  valueFromASTUntyped,
  visit,
  visitWithTypeInfo,
  type ASTVisitor,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type VariableDefinitionNode,
} from 'graphql';
import { createJsonSchemaWriter, type JsonSchema, type JsonSchemaWriter } from './json-schema.js';

/** The JSON Schema of an object. */
export interface ObjectSchema extends JsonSchema {
  readonly type: 'object';
  readonly properties: Record<string, JsonSchema>;
}

/**
 * The JSON Schema of an operation's variables, with what the schema says of where they are used.
 *
 * @param document a valid document that holds the operation.
 */
export function describeVariables(
  schema: GraphQLSchema,
  document: DocumentNode,
  { variableDefinitions = [] }: OperationDefinitionNode,
): ObjectSchema {
  const writer = createJsonSchemaWriter();
  const uses = variableDefinitions.length > 0 ? findUses(schema, document) : new Map<string, string>();
  const properties = Object.fromEntries(
    variableDefinitions.map((node) => [
      node.variable.name.value,
      describeVariable(node, { schema, writer, uses }),
    ]),
  );
  const required = variableDefinitions
    .filter(({ type, defaultValue }) => type.kind === Kind.NON_NULL_TYPE && !defaultValue)
    .map(({ variable }) => variable.name.value);
  return {
    type: 'object',
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
    ...(Object.keys(writer.definitions).length > 0 ? { $defs: writer.definitions } : {}),
  };
}

interface Surroundings {
  readonly schema: GraphQLSchema;
  readonly writer: JsonSchemaWriter;
  readonly uses: ReadonlyMap<string, string>;
}

function describeVariable(
  { variable, type: typeNode, defaultValue, description }: VariableDefinitionNode,
  { schema, writer, uses }: Surroundings,
): JsonSchema {
  const type = typeFromAST(schema, typeNode);
  if (!isInputType(type)) throw new Error(`the document is not valid: ${variable.name.value} has no type`);
  const told = description?.value ?? uses.get(variable.name.value);
  return {
    ...writer.write(type),
    ...(told === undefined ? {} : { description: told }),
    ...(defaultValue ? { default: valueFromASTUntyped(defaultValue) } : {}),
  };
}

/** What the schema says of the arguments and input fields that variables stand for: of each, where it is used first. */
function findUses(schema: GraphQLSchema, document: DocumentNode): ReadonlyMap<string, string> {
  const uses = new Map<string, string>();
  const note = (variable: string, description: string | null | undefined) => {
    if (description && !uses.has(variable)) uses.set(variable, description);
  };
  const types = new TypeInfo(schema);
  const visitor: ASTVisitor = {
    [Kind.ARGUMENT]: ({ value }) => {
      if (value.kind === Kind.VARIABLE) note(value.name.value, types.getArgument()?.description);
    },
    [Kind.OBJECT_FIELD]: ({ name, value }) => {
      const parent = types.getParentInputType();
      const object = isNonNullType(parent) ? parent.ofType : parent;
      if (value.kind !== Kind.VARIABLE || !isInputObjectType(object)) return;
      note(value.name.value, object.getFields()[name.value]?.description);
    },
  };
  visit(document, visitWithTypeInfo(types, visitor));
  return uses;
}

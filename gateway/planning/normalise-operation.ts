import {
  getNamedType,
  isCompositeType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { createFieldKeys, sortValue } from './field-keys.js';
import { createLiteralHoist } from './hoist-literals.js';
import { isAboutSchema, selectDocument } from './select-document.js';

/** An operation without what makes it look different from others that mean the same. */
export interface NormalisedOperation {
  /** The operation with the fragments that it uses. */
  readonly document: DocumentNode;
  /** What the value of a field of the client's operation is called while its plan runs. */
  readonly keyOf: (field: FieldNode) => string;
  /** The variables of {@link document} that stand for the client's literals. */
  readonly literals: Readonly<Record<string, unknown>>;
}

/** One operation of a valid document. */
export interface ClientOperation {
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** What clients see. */
  readonly schema: GraphQLSchema;
  /** See required-objects.ts; none by default. */
  readonly requiredObjects?: ReadonlySet<string>;
}

/**
 * Gives the fields of an operation names by which the planner cannot mistake them, and takes its literals out.
 *
 * Questions about the schema are left out: they are answered by the gateway itself.
 */
export function normaliseOperation(operation: ClientOperation): NormalisedOperation {
  const { definition, schema, requiredObjects = new Set() } = operation;
  const typeInfo = new TypeInfo(schema);
  const nameKey = createFieldKeys(requiredObjects);
  const declared = definition.variableDefinitions ?? [];
  const literals = createLiteralHoist(new Set(declared.map(({ variable }) => variable.name.value)));
  const keys = new Map<FieldNode, string>();
  const mutation = schema.getMutationType()?.name;

  function hoistArgument(argument: ArgumentNode): ArgumentNode {
    const type = typeInfo.getFieldDef()?.args.find(({ name }) => name === argument.name.value)?.type;
    const value = sortValue(argument.value);
    return { ...argument, value: type ? literals.hoist(value, type) : value };
  }

  /** Nulls inside one selection of an object must not reach another; and what changes something does so each time. */
  function isShared(): boolean {
    const type = typeInfo.getType();
    return !(type && isCompositeType(getNamedType(type))) && typeInfo.getParentType()?.name !== mutation;
  }

  function rewriteField(node: FieldNode): FieldNode | null {
    const name = node.name.value;
    if (isAboutSchema(name)) return null;
    const args = (node.arguments ?? []).map(hoistArgument);
    const responseName = (node.alias ?? node.name).value;
    const key = nameKey({ name, arguments: args, responseName, shared: isShared() });
    if (key !== name) keys.set(node, key);
    const { alias: _alias, ...rest } = node;
    const renamed: FieldNode = { ...rest, arguments: args };
    return key === name ? renamed : { ...renamed, alias: { kind: Kind.NAME, value: key } };
  }

  const rewritten = visit(
    selectDocument(operation),
    visitWithTypeInfo(typeInfo, { [Kind.FIELD]: { enter: rewriteField } }),
  );
  const definitions = rewritten.definitions.map((node) =>
    node.kind === Kind.OPERATION_DEFINITION
      ? { ...node, variableDefinitions: [...declared, ...literals.definitions] }
      : node,
  );
  return {
    document: { ...rewritten, definitions },
    keyOf: readKeys(keys),
    literals: literals.values,
  };
}

/** By itself, so that it is all that is kept of how they were found. */
function readKeys(keys: ReadonlyMap<FieldNode, string>): (field: FieldNode) => string {
  return (field) => keys.get(field) ?? field.name.value;
}

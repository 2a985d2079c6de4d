import {
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  parseType,
  print,
  type ConstValueNode,
  type GraphQLInputType,
  type ObjectValueNode,
  type ValueNode,
  type VariableDefinitionNode,
} from 'graphql';

/** Puts variables in the place of an operation's literals, so that operations that differ only in these share a plan. */
export interface LiteralHoist {
  /** The same value, with a variable for each part of it whose meaning does not depend on how it was written. */
  hoist(value: ValueNode, type: GraphQLInputType): ValueNode;
  readonly definitions: readonly VariableDefinitionNode[];
  /** The values of those variables, as JSON. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Nothing is taken out yet.
 *
 * @param taken the names of the operation's own variables.
 */
export function createLiteralHoist(taken: ReadonlySet<string>): LiteralHoist {
  const names = new Map<string, string>();
  const definitions: VariableDefinitionNode[] = [];
  const values: Record<string, unknown> = {};

  function nextName(): string {
    let number = names.size;
    while (taken.has(`literal_${number}`) || Object.hasOwn(values, `literal_${number}`)) number += 1;
    return `literal_${number}`;
  }

  function toVariable(value: ValueNode, json: unknown, type: GraphQLInputType): ValueNode {
    const identity = `${String(type)} ${print(value)}`;
    const known = names.get(identity);
    const name = known ?? nextName();
    const variable = { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } } as const;
    if (known !== undefined) return variable;
    names.set(identity, name);
    values[name] = json;
    const declared = parseType(String(type), { noLocation: true });
    definitions.push({ kind: Kind.VARIABLE_DEFINITION, variable, type: declared });
    return variable;
  }

  function hoist(value: ValueNode, type: GraphQLInputType): ValueNode {
    if (value.kind === Kind.VARIABLE) return value;
    const literal = readLiteral(value, type);
    if (literal) return toVariable(value, literal.json, type);
    const nullable = isNonNullType(type) ? type.ofType : type;
    if (isListType(nullable) && value.kind === Kind.LIST)
      return { ...value, values: value.values.map((item) => hoist(item, nullable.ofType)) };
    return isInputObjectType(nullable) && value.kind === Kind.OBJECT
      ? hoistFields(value, (name) => nullable.getFields()[name]?.type)
      : value;
  }

  function hoistFields(
    object: ObjectValueNode,
    typeOf: (field: string) => GraphQLInputType | undefined,
  ): ObjectValueNode {
    const fields = object.fields.map((field) => {
      const type = typeOf(field.name.value);
      return type ? { ...field, value: hoist(field.value, type) } : field;
    });
    return { ...object, fields };
  }

  return { hoist, definitions, values };
}

/**
 * A literal as JSON, when a variable with it means the same; undefined when it has variables in it, or values of custom
 * scalars: these may read a literal in another way, and an integer of theirs may be larger than JSON's numbers hold.
 */
function readLiteral(value: ValueNode, type: GraphQLInputType): { readonly json: unknown } | undefined {
  if (isNonNullType(type)) return readLiteral(value, type.ofType);
  if (value.kind === Kind.VARIABLE) return undefined;
  if (value.kind === Kind.NULL) return { json: null };
  if (isListType(type)) {
    // One item stands for a list of it, in a literal as in a variable.
    return value.kind === Kind.LIST
      ? readAll(value.values.map((item) => readLiteral(item, type.ofType)))
      : readLiteral(value, type.ofType);
  }
  if (isInputObjectType(type)) {
    return value.kind === Kind.OBJECT ? readFields(value, (name) => type.getFields()[name]?.type) : undefined;
  }
  if (isEnumType(type)) return value.kind === Kind.ENUM ? { json: value.value } : undefined;
  return readScalar(value as ConstValueNode, type.name);
}

function readAll(items: readonly ({ readonly json: unknown } | undefined)[]) {
  const json: unknown[] = [];
  for (const item of items) {
    if (!item) return undefined;
    json.push(item.json);
  }
  return { json };
}

function readFields({ fields }: ObjectValueNode, typeOf: (field: string) => GraphQLInputType | undefined) {
  const json: Record<string, unknown> = {};
  for (const { name, value } of fields) {
    const type = typeOf(name.value);
    const literal = type && readLiteral(value, type);
    if (!literal) return undefined;
    json[name.value] = literal.json;
  }
  return { json };
}

function readScalar(value: ConstValueNode, type: string): { readonly json: unknown } | undefined {
  switch (value.kind) {
    case Kind.STRING:
      return type === 'String' || type === 'ID' ? { json: value.value } : undefined;
    case Kind.BOOLEAN:
      return type === 'Boolean' ? { json: value.value } : undefined;
    case Kind.INT:
    case Kind.FLOAT: {
      if (type === 'ID') return { json: value.value };
      const number = Number(value.value);
      return (type === 'Int' || type === 'Float') && Number.isFinite(number) ? { json: number } : undefined;
    }
    default:
      return undefined;
  }
}

import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';

/** One thing of a schema that may be looked for. */
export interface SchemaEntry {
  /** Such as `Query.product(id:)`. Source: GraphQL, September 2025, §3.14, schema coordinates. */
  readonly coordinate: string;
  readonly kind: 'type' | 'field' | 'argument' | 'input field' | 'enum value';
  /** In the schema language, without its description. */
  readonly definition: string;
  readonly description: string | undefined;
  readonly deprecated: string | undefined;
}

interface Described {
  readonly description?: string | null | undefined;
  readonly deprecationReason?: string | null | undefined;
}

/** Everything in a schema that has a name of its own, without what belongs to introspection. */
export function listSchemaEntries(schema: GraphQLSchema): readonly SchemaEntry[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
  return types.flatMap((type) => [
    enter('type', { coordinate: type.name, definition: `${keywordOf(type)} ${type.name}` }, type),
    ...listMembers(type),
  ]);
}

function listMembers(type: GraphQLNamedType): readonly SchemaEntry[] {
  if (isObjectType(type) || isInterfaceType(type))
    return Object.values(type.getFields()).flatMap((field) => listField(type.name, field));
  if (isInputObjectType(type))
    return Object.values(type.getFields()).map((field) => {
      const definition = `${field.name}: ${String(field.type)}`;
      return enter('input field', { coordinate: `${type.name}.${field.name}`, definition }, field);
    });
  if (!isEnumType(type)) return [];
  return type
    .getValues()
    .map((value) =>
      enter('enum value', { coordinate: `${type.name}.${value.name}`, definition: value.name }, value),
    );
}

function listField(parent: string, field: GraphQLField<unknown, unknown>): readonly SchemaEntry[] {
  const coordinate = `${parent}.${field.name}`;
  const definitions = field.args.map(defineArgument);
  const given = definitions.length > 0 ? `(${definitions.join(', ')})` : '';
  const definition = `${field.name}${given}: ${String(field.type)}`;
  return [
    enter('field', { coordinate, definition }, field),
    ...field.args.map((argument) => {
      const at = { coordinate: `${coordinate}(${argument.name}:)`, definition: defineArgument(argument) };
      return enter('argument', at, argument);
    }),
  ];
}

function defineArgument({ name, type }: GraphQLArgument): string {
  return `${name}: ${String(type)}`;
}

function enter(
  kind: SchemaEntry['kind'],
  at: Pick<SchemaEntry, 'coordinate' | 'definition'>,
  { description, deprecationReason }: Described,
): SchemaEntry {
  return {
    ...at,
    kind,
    description: description ?? undefined,
    deprecated: deprecationReason ?? undefined,
  };
}

function keywordOf(type: GraphQLNamedType): string {
  if (isScalarType(type)) return 'scalar';
  if (isInterfaceType(type)) return 'interface';
  if (isUnionType(type)) return 'union';
  if (isEnumType(type)) return 'enum';
  return isInputObjectType(type) ? 'input' : 'type';
}

import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isUnionType,
  specifiedScalarTypes,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';

/** One thing of a schema that may be looked for; arguments are found with their fields. */
export interface SchemaEntry {
  /** Such as `Query.product`. Source: GraphQL, September 2025, §3.14, schema coordinates. */
  readonly coordinate: string;
  readonly kind: 'type' | 'field' | 'input field' | 'enum value';
  /** In the schema language, without its description. */
  readonly definition: string;
  readonly description: string | undefined;
  /** Why it should not be used any more. */
  readonly deprecated: string | undefined;
  /** What is said of a field's arguments, of those of which something is said. */
  readonly arguments: Readonly<Record<string, string>> | undefined;
  /** By what it is found beside its own name and description. */
  readonly keywords: {
    /** The names and descriptions of its arguments. */
    readonly arguments: string;
    /** The names of the types that it belongs to, and that it gives or takes. */
    readonly types: string;
  };
}

const BUILT_IN: ReadonlySet<string> = new Set(specifiedScalarTypes.map(({ name }) => name));

interface Described {
  readonly description?: string | null | undefined;
  readonly deprecationReason?: string | null | undefined;
}

/** Everything in a schema that has a name of its own, without what belongs to introspection. */
export function listSchemaEntries(schema: GraphQLSchema): readonly SchemaEntry[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type));
  return types.flatMap((type) => [
    enter(type, { kind: 'type', coordinate: type.name, definition: `${keywordOf(type)} ${type.name}` }),
    ...listMembers(type),
  ]);
}

function listMembers(type: GraphQLNamedType): readonly SchemaEntry[] {
  const within = ({ name }: { readonly name: string }) => `${type.name}.${name}`;
  if (isObjectType(type) || isInterfaceType(type))
    return Object.values(type.getFields()).map((field) => enterField(field, type.name, within(field)));
  if (isInputObjectType(type))
    return Object.values(type.getFields()).map((field) =>
      enter(field, {
        kind: 'input field',
        coordinate: within(field),
        definition: `${field.name}: ${String(field.type)}`,
        keywords: { arguments: '', types: `${type.name} ${nameOf(String(field.type))}` },
      }),
    );
  if (!isEnumType(type)) return [];
  return type.getValues().map((value) =>
    enter(value, {
      kind: 'enum value',
      coordinate: within(value),
      definition: value.name,
      keywords: { arguments: '', types: type.name },
    }),
  );
}

function enterField(field: GraphQLField<unknown, unknown>, parent: string, coordinate: string): SchemaEntry {
  const given = field.args.map(({ name, type }) => `${name}: ${String(type)}`).join(', ');
  const told = field.args.flatMap(({ name, description }) => (description ? [[name, description]] : []));
  return enter(field, {
    kind: 'field',
    coordinate,
    definition: `${field.name}${given === '' ? '' : `(${given})`}: ${String(field.type)}`,
    keywords: {
      arguments: field.args.map(({ name, description }) => `${name} ${description ?? ''}`).join(' '),
      types: `${parent} ${nameOf(String(field.type))}`,
    },
    ...(told.length > 0 ? { arguments: Object.fromEntries(told) as Record<string, string> } : {}),
  });
}

function enter(
  { description, deprecationReason }: Described,
  entry: Pick<SchemaEntry, 'kind' | 'coordinate' | 'definition'> & Partial<SchemaEntry>,
): SchemaEntry {
  const { coordinate, kind, definition, arguments: told, keywords = { arguments: '', types: '' } } = entry;
  return {
    coordinate,
    kind,
    definition,
    description: description ?? undefined,
    deprecated: deprecationReason ?? undefined,
    arguments: told,
    keywords,
  };
}

/** The name within a type such as `[Reading!]!`, if it tells something: numbers and texts are everywhere. */
function nameOf(type: string): string {
  const name = type.replaceAll(/[[\]!]/g, '');
  return BUILT_IN.has(name) ? '' : name;
}

function keywordOf(type: GraphQLNamedType): string {
  if (isScalarType(type)) return 'scalar';
  if (isInterfaceType(type)) return 'interface';
  if (isUnionType(type)) return 'union';
  if (isEnumType(type)) return 'enum';
  return isInputObjectType(type) ? 'input' : 'type';
}

import {
  getNamedType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql';

/**
 * The places of a schema that a valid document names: types (`Product`), fields (`Query.product`), arguments
 * (`Query.product(id:)`) and fields of input objects (`ProductFilter.name`). What only the values of variables name is
 * not among them, but their types are.
 *
 * Source: GraphQL RFC "Schema Coordinates".
 */
export function findUsedCoordinates(document: DocumentNode, schema: GraphQLSchema): readonly string[] {
  const used = new Set<string>();
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      [Kind.FIELD]: () => {
        const parent = types.getParentType();
        const field = types.getFieldDef();
        const type = types.getType();
        if (!parent || !field || field.name.startsWith('__')) return;
        used.add(parent.name).add(`${parent.name}.${field.name}`);
        if (type) used.add(getNamedType(type).name);
      },
      [Kind.ARGUMENT]: ({ name }) => {
        const parent = types.getParentType();
        const field = types.getFieldDef();
        if (parent && field) used.add(`${parent.name}.${field.name}(${name.value}:)`);
      },
      [Kind.OBJECT_FIELD]: ({ name }) => {
        // Of the form `[Filter!]!`.
        used.add(`${String(types.getParentInputType()).replace(/[[\]!]/g, '')}.${name.value}`);
      },
      [Kind.NAMED_TYPE]: ({ name }) => {
        used.add(name.value);
      },
    }),
  );
  return [...used];
}

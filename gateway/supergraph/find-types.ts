import { isAbstractType, isObjectType, type GraphQLSchema } from 'graphql';
import type { TypeMembership } from './snapshot.js';

/** Which object types a schema has, and which of them its interfaces and unions. */
export function findTypes(schema: GraphQLSchema): TypeMembership {
  const types = Object.values(schema.getTypeMap());
  return {
    objects: types.filter(isObjectType).map(({ name }) => name),
    members: types
      .filter(isAbstractType)
      .map((type) => [type.name, schema.getPossibleTypes(type).map(({ name }) => name)] as const),
  };
}

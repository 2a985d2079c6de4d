import { isAbstractType, isObjectType, type GraphQLSchema } from 'graphql';

/** Tells whether an object that says it is of one type meets a type condition. */
export interface PossibleTypes {
  meets(typename: unknown, condition: string): boolean;
  isObjectType(typename: unknown): boolean;
}

/**
 * Type conditions over all types of a supergraph, the inaccessible ones too.
 *
 * An interface's own name meets its condition: a subgraph that knows an interface as one object type
 * (`@interfaceObject`) answers with that name.
 */
export function createPossibleTypes(schema: GraphQLSchema): PossibleTypes {
  const namesByCondition = new Map<string, ReadonlySet<string>>();

  function namesOf(condition: string): ReadonlySet<string> {
    const known = namesByCondition.get(condition);
    if (known) return known;
    const type = schema.getType(condition);
    const members = isAbstractType(type) ? schema.getPossibleTypes(type).map((member) => member.name) : [];
    const names = new Set([condition, ...members]);
    namesByCondition.set(condition, names);
    return names;
  }

  return {
    meets: (typename, condition) => typeof typename === 'string' && namesOf(condition).has(typename),
    isObjectType: (typename) => typeof typename === 'string' && isObjectType(schema.getType(typename)),
  };
}

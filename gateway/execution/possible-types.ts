import type { TypeMembership } from '../supergraph/snapshot.js';

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
export function createPossibleTypes({ objects, members }: TypeMembership): PossibleTypes {
  const objectNames = new Set(objects);
  const namesOf = new Map(members.map(([condition, names]) => [condition, new Set(names)]));
  return {
    meets: (typename, condition) =>
      typeof typename === 'string' &&
      (typename === condition || namesOf.get(condition)?.has(typename) === true),
    isObjectType: (typename) => typeof typename === 'string' && objectNames.has(typename),
  };
}

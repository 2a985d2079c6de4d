import { isAbstractType, isLeafType, type GraphQLNamedType, type GraphQLSchema } from 'graphql';
import type { CostDirectives, ListSize } from './cost-directives.js';

/** What the parts of a schema weigh. */
export interface CostWeights {
  /** The coordinates of a field: for one of an interface also those of the types that implement it. */
  coordinatesOf(parent: GraphQLNamedType, field: string): readonly string[];
  /** The largest weight that any of the coordinates has; undefined when none has one. */
  weightOf(coordinates: readonly string[]): number | undefined;
  /** What an object of a type weighs, for an abstract one the heaviest that it may be. */
  weightOfType(type: GraphQLNamedType): number;
  listSizeOf(coordinates: readonly string[]): ListSize | undefined;
}

/** Makes the look-up for one schema. */
export function createCostWeights(
  schema: GraphQLSchema,
  { weights, listSizes }: CostDirectives,
): CostWeights {
  const typesOf = (type: GraphQLNamedType) =>
    isAbstractType(type) ? [type, ...schema.getPossibleTypes(type)] : [type];

  function weightOf(coordinates: readonly string[]): number | undefined {
    const found = coordinates.flatMap((coordinate) => weights.get(coordinate) ?? []);
    return found.length === 0 ? undefined : Math.max(...found);
  }

  return {
    coordinatesOf: (parent, field) => typesOf(parent).map(({ name }) => `${name}.${field}`),
    weightOf,
    weightOfType: (type) => weightOf(typesOf(type).map(({ name }) => name)) ?? (isLeafType(type) ? 0 : 1),
    listSizeOf: (coordinates) => coordinates.flatMap((coordinate) => listSizes.get(coordinate) ?? [])[0],
  };
}

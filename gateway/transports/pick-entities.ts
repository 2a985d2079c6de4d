import type { GraphQLFormattedError } from 'graphql';
import type { SubgraphResponse } from './transport.js';

/** Which entities of an answer belong to one of those who asked together. */
export interface EntityPlaces {
  /** Where each of its representations stands in the request that was sent. */
  readonly at: readonly number[];
  /** Those places at which nobody stood before it: what is there may be handed over, and of the others it gets copies. */
  readonly own: ReadonlySet<number>;
}

/**
 * The part of an answer that belongs to one who asked, as if it had asked alone: its entities in its order, their errors
 * with paths that count anew, and the errors that belong to no entity.
 */
export function pickEntities(response: SubgraphResponse, { at, own }: EntityPlaces): SubgraphResponse {
  const { data, errors } = response;
  const entities = data?.['_entities'];
  const picked = Array.isArray(entities)
    ? { ...data, _entities: at.map((place) => takeOver(entities[place], own.has(place))) }
    : data;
  if (!errors) return { ...response, data: picked };
  const indexes = new Map(at.map((place, index) => [place, index]));
  return { ...response, data: picked, errors: errors.flatMap((error) => pickError(error, indexes)) };
}

function takeOver(entity: unknown, own: boolean): unknown {
  return own ? entity : structuredClone(entity);
}

function pickError(
  error: GraphQLFormattedError,
  indexes: ReadonlyMap<number, number>,
): readonly GraphQLFormattedError[] {
  const [root, place, ...rest] = error.path ?? [];
  if (root !== '_entities' || typeof place !== 'number') return [error];
  const index = indexes.get(place);
  return index === undefined ? [] : [{ ...error, path: [root, index, ...rest] }];
}

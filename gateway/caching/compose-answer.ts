import type { GraphQLFormattedError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { ResponseCaching } from '../transports/response-caching.js';
import type { SubgraphResponse } from '../transports/transport.js';
import type { CacheEntry } from './cache-store.js';

/** What became of some slots of a request that the subgraph was asked for: an answer, or why there is none. */
export interface AskedSlots {
  /** The numbers of the slots, in the order in which they were asked for. */
  readonly indexes: readonly number[];
  readonly outcome: { readonly response: SubgraphResponse } | { readonly error: unknown };
}

/** The parts of an answer, each from where it comes. */
export interface AnswerParts {
  readonly isRoot: boolean;
  /** How many slots there are. */
  readonly size: number;
  /** What was kept, by number of slot; it counts before what was asked for. */
  readonly kept: ReadonlyMap<number, CacheEntry>;
  readonly asked: readonly AskedSlots[];
  readonly now: number;
}

/** Puts an answer together as if the subgraph had been asked for all of it. */
export function composeAnswer({ isRoot, size, kept, asked, now }: AnswerParts): SubgraphResponse {
  const values = new Array<unknown>(size).fill(null);
  const errors: GraphQLFormattedError[] = [];
  for (const part of asked) fillAsked(part, values, errors);
  for (const [index, { value }] of kept) values[index] = JSON.parse(value);
  const data = isRoot ? (values[0] as SubgraphResponse['data']) : { _entities: values };
  const caching = errors.length > 0 ? undefined : combineCaching({ isRoot, size, kept, asked, now });
  return { data, ...(errors.length > 0 ? { errors } : {}), ...(caching ? { caching } : {}) };
}

function fillAsked(
  { indexes, outcome }: AskedSlots,
  values: unknown[],
  errors: GraphQLFormattedError[],
): void {
  if ('error' in outcome) {
    for (const index of indexes) errors.push({ ...describe(outcome.error), path: ['_entities', index] });
    return;
  }
  const { data, errors: reported = [] } = outcome.response;
  const entities = data?.['_entities'];
  if (Array.isArray(entities)) for (const [at, index] of indexes.entries()) values[index] = entities[at];
  for (const error of reported) errors.push(...placeError(error, indexes));
}

/** A bug never gets here: it is thrown on. */
function describe(error: unknown): GraphQLFormattedError {
  if (!(error instanceof AegisError)) return { message: String(error) };
  return { message: error.message, extensions: error.extensions };
}

/** An error with the path that it has in the whole answer; one without an entity's path is of all that were asked for. */
function placeError(error: GraphQLFormattedError, indexes: readonly number[]): GraphQLFormattedError[] {
  const [root, at, ...rest] = error.path ?? [];
  const index = root === '_entities' && typeof at === 'number' ? indexes[at] : undefined;
  if (index !== undefined) return [{ ...error, path: ['_entities', index, ...rest] }];
  return indexes.map((own) => ({ ...error, path: ['_entities', own] }));
}

/** The strictest of what the parts say. */
function combineCaching({ isRoot, size, kept, asked, now }: AnswerParts): ResponseCaching | undefined {
  const tags = new Array<readonly string[]>(size).fill([]);
  const parts: Pick<ResponseCaching, 'maxAgeMs' | 'scope'>[] = [];
  for (const { indexes, outcome } of asked) {
    const caching = 'response' in outcome ? outcome.response.caching : undefined;
    if (!caching) return undefined;
    parts.push(caching);
    for (const [at, index] of indexes.entries()) tags[index] = caching.entityTags?.[at] ?? [];
  }
  for (const [index, { freshUntil, scope, tags: own }] of kept) {
    parts.push({ maxAgeMs: freshUntil - now, scope });
    tags[index] = own;
  }
  const maxAgeMs = parts.reduce((least, part) => Math.min(least, part.maxAgeMs), Number.POSITIVE_INFINITY);
  if (maxAgeMs <= 0) return undefined;
  const scope = parts.some((part) => part.scope === 'private') ? 'private' : 'public';
  return { maxAgeMs, scope, ...(isRoot ? { tags: tags[0] ?? [] } : { entityTags: tags }) };
}

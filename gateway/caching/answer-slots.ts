import type { ResponseCaching } from '../transports/response-caching.js';
import type { SubgraphRequest, SubgraphResponse } from '../transports/transport.js';
import { entityKey, type CacheKeys } from './cache-keys.js';
import type { CacheEntry } from './cache-store.js';
import { labelEntity, labelRoot } from './labels.js';

/** A part of an answer that is kept by itself: one entity, or all root fields together. */
export interface AnswerSlot extends CacheKeys {
  /** As JSON text; undefined for root fields. */
  readonly representation: string | undefined;
}

/** The parts of the answer to a request, in their order. */
export function slotsOf({ representations }: SubgraphRequest, keys: CacheKeys): readonly AnswerSlot[] {
  if (!representations) return [{ ...keys, representation: undefined }];
  return representations.map((representation) => ({
    public: entityKey(keys.public, representation),
    private: keys.private === undefined ? undefined : entityKey(keys.private, representation),
    representation,
  }));
}

export interface KeepOptions {
  readonly subgraph: string;
  /** The longest that anything is kept, in milliseconds. */
  readonly maxAgeMs: number;
  readonly now: number;
}

/**
 * What of an answer may be kept, by the number of its slot: nothing that failed, nor what has an error somewhere in it, nor
 * what is private to nobody knows whom.
 */
export function entriesOf(
  slots: readonly AnswerSlot[],
  { data, errors = [], caching }: SubgraphResponse,
  options: KeepOptions,
): ReadonlyMap<number, CacheEntry> {
  const entries = new Map<number, CacheEntry>();
  const values = slots[0]?.representation === undefined ? [data] : data?.['_entities'];
  if (!caching || !Array.isArray(values)) return entries;
  const until = lifeOf(caching, options);
  const isSpoiled = spoiledSlots(errors);
  for (const [index, slot] of slots.entries()) {
    const value: unknown = values[index];
    const isKept = typeof value === 'object' && !isSpoiled(index) && slot[caching.scope] !== undefined;
    if (isKept)
      entries.set(index, {
        ...until,
        value: JSON.stringify(value),
        ...labelSlot(slot, index, { caching, subgraph: options.subgraph }),
      });
  }
  return entries;
}

function lifeOf(
  { scope, maxAgeMs, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 }: ResponseCaching,
  { maxAgeMs: longest, now }: KeepOptions,
): Omit<CacheEntry, 'value' | 'labels' | 'tags'> {
  const freshUntil = now + Math.min(longest, maxAgeMs);
  return {
    storedAt: now,
    freshUntil,
    revalidateUntil: freshUntil + Math.min(longest, staleWhileRevalidateMs),
    errorUntil: freshUntil + Math.min(longest, staleIfErrorMs),
    scope,
  };
}

function labelSlot(
  { representation }: AnswerSlot,
  index: number,
  { caching, subgraph }: { readonly caching: ResponseCaching; readonly subgraph: string },
): Pick<CacheEntry, 'labels' | 'tags'> {
  if (representation === undefined) {
    const { tags = [] } = caching;
    return { tags, labels: labelRoot(subgraph, tags) };
  }
  const tags = caching.entityTags?.[index] ?? [];
  return { tags, labels: labelEntity(subgraph, representation, tags) };
}

/** Which entities have errors; one that is nowhere in particular may be anywhere. */
function spoiledSlots(errors: NonNullable<SubgraphResponse['errors']>): (index: number) => boolean {
  const spoiled = new Set<unknown>();
  for (const { path = [] } of errors) {
    if (path[0] !== '_entities' || typeof path[1] !== 'number') return () => true;
    spoiled.add(path[1]);
  }
  return (index) => spoiled.has(index);
}

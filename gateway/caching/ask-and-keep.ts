import type {
  SubgraphOperation,
  SubgraphRequest,
  SubgraphResponse,
  Transport,
} from '../transports/transport.js';
import { entriesOf, type AnswerSlot } from './answer-slots.js';
import type { CacheMetrics } from './cache-metrics.js';
import type { CacheEntry, CacheStore } from './cache-store.js';
import { createClaims, type Claim } from './claims.js';
import type { AskedSlots } from './compose-answer.js';
import type { Invalidations } from './invalidation.js';

export interface AskAndKeepOptions {
  readonly subgraph: { readonly name: string; readonly url: string };
  readonly store: CacheStore;
  /** The longest that anything is kept, and that it may be stale, in milliseconds. */
  readonly maxAgeMs: number;
  readonly metrics: CacheMetrics;
  /** What was asked for before one is not kept after it. */
  readonly invalidations: Invalidations;
  /** A clock in milliseconds since 1970. */
  readonly now: () => number;
}

/** A request, and the slots of its answer. */
export interface SlottedRequest {
  readonly request: SubgraphRequest;
  readonly slots: readonly AnswerSlot[];
}

/** Asks one subgraph for parts of an answer. */
export interface AskAndKeep {
  /** Asks for some slots, keeps what may be kept, and tells those who wait for it. Never throws. */
  ask(slotted: SlottedRequest, indexes: readonly number[]): Promise<AskedSlots>;
  /** Who is asking for a slot now, if the answer will be good for this request, too. */
  findOther(slotted: SlottedRequest, index: number): Claim | undefined;
}

/** Makes it for one subgraph. */
export function createAskAndKeep(transport: Transport, options: AskAndKeepOptions): AskAndKeep {
  const { store, metrics, invalidations, now, maxAgeMs } = options;
  const { name: subgraph } = options.subgraph;
  const claims = createClaims();
  /** Operations whose last answer was for everybody: then one may ask for all, and not only for those like it. */
  const shared = new WeakSet<SubgraphOperation>();

  function keyToClaim(slot: AnswerSlot, operation: SubgraphOperation): string | undefined {
    return shared.has(operation) ? slot.public : slot.private;
  }

  function claimAll(slots: readonly AnswerSlot[], operation: SubgraphOperation): ReadonlyMap<number, Claim> {
    const opened = new Map<number, Claim>();
    for (const [at, slot] of slots.entries()) {
      const key = keyToClaim(slot, operation);
      if (key !== undefined && !claims.find(key)) opened.set(at, claims.open(key));
    }
    return opened;
  }

  function keep(
    operation: SubgraphOperation,
    slots: readonly AnswerSlot[],
    response: SubgraphResponse,
  ): ReadonlyMap<number, CacheEntry> {
    if (response.caching?.scope === 'public') shared.add(operation);
    else shared.delete(operation);
    const entries = entriesOf(slots, response, { subgraph, maxAgeMs, now: now() });
    const kept = new Map<string, CacheEntry>();
    let length = 0;
    for (const [at, entry] of entries) {
      const key = slots[at]?.[entry.scope];
      if (key !== undefined) kept.set(key, entry);
      length += entry.value.length;
    }
    if (kept.size === 0) return entries;
    store.setMany(kept);
    metrics.storedBytes.inc({ subgraph }, length);
    return entries;
  }

  return {
    async ask({ request, slots }, indexes) {
      const { operation } = request;
      const asked = indexes.flatMap((index) => slots[index] ?? []);
      const forAll = shared.has(operation);
      const claimed = claimAll(asked, operation);
      let entries: ReadonlyMap<number, CacheEntry> = new Map();
      const before = invalidations.count;
      try {
        const own = { ...narrow(request, asked, slots.length), epoch: before };
        const response = cap(await transport.execute(own), maxAgeMs);
        if (invalidations.allowKeeping(before)) entries = keep(operation, asked, response);
        return { indexes, outcome: { response } };
      } catch (error) {
        return { indexes, outcome: { error } };
      } finally {
        for (const [at, { settle }] of claimed) {
          const entry = entries.get(at);
          settle(forAll && entry?.scope === 'private' ? undefined : entry);
        }
      }
    },
    findOther({ request, slots }, index) {
      const slot = slots[index];
      const key = slot && keyToClaim(slot, request.operation);
      return key === undefined ? undefined : claims.find(key);
    },
  };
}

/** Nobody further on should keep for longer what came this way. */
function cap(response: SubgraphResponse, maxAgeMs: number): SubgraphResponse {
  const { caching } = response;
  return caching && caching.maxAgeMs > maxAgeMs
    ? { ...response, caching: { ...caching, maxAgeMs } }
    : response;
}

/** The request for some of its entities. */
function narrow(request: SubgraphRequest, asked: readonly AnswerSlot[], size: number): SubgraphRequest {
  if (!request.representations || asked.length === size) return request;
  return { ...request, representations: asked.flatMap(({ representation }) => representation ?? []) };
}

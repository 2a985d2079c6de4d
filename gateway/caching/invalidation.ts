import type { CacheMetrics } from './cache-metrics.js';
import type { CacheStore } from './cache-store.js';
import { labelsOf, type CacheSelector } from './labels.js';

/** Tells what was asked for before an invalidation, or during one, from what was asked for after it. */
export interface Invalidations {
  /** Another one after the begin and after the end of each: work that began at one is not for who comes at another. */
  readonly count: number;
  /** Whether what was asked for at a count may be kept now: no invalidation has begun or ended since, nor goes on. */
  allowKeeping(since: number): boolean;
}

/** Removes what is kept before its time, in this process. */
export interface CacheInvalidation extends Invalidations {
  /**
   * Removes entries of subgraphs, and responses that were made with them.
   *
   * Errors: AegisError UNAVAILABLE when the store cannot be reached; then nothing, or not everything, was removed.
   */
  invalidate(selector: CacheSelector): Promise<{ readonly removed: number }>;
}

/** Makes it for the one store of a gateway. */
export function createCacheInvalidation(store: CacheStore, metrics: CacheMetrics): CacheInvalidation {
  let count = 0;
  let underWay = 0;

  async function removeAll(selector: CacheSelector): Promise<number> {
    let removed = 0;
    for (const labels of labelsOf(selector)) removed += await store.removeLabelled(labels);
    return removed;
  }

  return {
    get count() {
      return count;
    },
    allowKeeping: (since) => underWay === 0 && since === count,
    async invalidate(selector) {
      // Whatever is on its way now was perhaps read before the change that this is about.
      count += 1;
      underWay += 1;
      try {
        const removed = await removeAll(selector);
        metrics.removed.inc(removed);
        return { removed };
      } finally {
        // And what began meanwhile was perhaps made of what had still been there.
        underWay -= 1;
        count += 1;
      }
    },
  };
}

import type { CacheMetrics } from './cache-metrics.js';
import type { CacheStore } from './cache-store.js';
import { labelsOf, type CacheSelector } from './labels.js';

/** Removes what is kept before its time. */
export interface CacheInvalidation {
  /**
   * Removes entries of subgraphs, and responses that were made with them.
   *
   * Errors: AegisError UNAVAILABLE when the store cannot be reached; then nothing, or not everything, was removed.
   */
  invalidate(selector: CacheSelector): Promise<{ readonly removed: number }>;
  /** How many invalidations there have been in this process. */
  readonly count: number;
}

/** Makes it for the one store of a gateway. */
export function createCacheInvalidation(store: CacheStore, metrics: CacheMetrics): CacheInvalidation {
  let count = 0;
  return {
    get count() {
      return count;
    },
    async invalidate(selector) {
      // Whatever is on its way now was perhaps read before the change that this is about.
      count += 1;
      let removed = 0;
      for (const labels of labelsOf(selector)) removed += await store.removeLabelled(labels);
      metrics.removed.inc(removed);
      return { removed };
    },
  };
}

import { print, type DocumentNode } from 'graphql';
import { LruMap } from './lru-map.js';

/** What was made once for an operation and is used for each request of it. */
export interface PlanCache<Plan> {
  get(document: DocumentNode, operationName: string | undefined): Plan;
  readonly size: number;
}

export interface PlanCacheOptions<Plan> {
  /** How many operations are kept. */
  readonly capacity: number;
  readonly make: (document: DocumentNode, operationName: string | undefined) => Plan;
  readonly onLookup?: (found: boolean) => void;
}

/**
 * Keeps plans by operation. A document object that was seen before is recognised by identity; the same text in another
 * object (another transport, another formatting) by its printed form.
 */
export function createPlanCache<Plan>({ capacity, make, onLookup }: PlanCacheOptions<Plan>): PlanCache<Plan> {
  const keys = new WeakMap<DocumentNode, string>();
  const plans = new LruMap<string, { readonly plan: Plan }>(capacity);

  function keyOf(document: DocumentNode, operationName: string | undefined): string {
    const text = keys.get(document) ?? print(document);
    keys.set(document, text);
    return `${operationName ?? ''}\n${text}`;
  }

  return {
    get(document, operationName) {
      const key = keyOf(document, operationName);
      const found = plans.get(key);
      onLookup?.(found !== undefined);
      if (found) return found.plan;
      const plan = make(document, operationName);
      plans.set(key, { plan });
      return plan;
    },
    get size() {
      return plans.size;
    },
  };
}

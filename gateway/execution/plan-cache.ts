import { print } from 'graphql';
import { LruMap } from '../planning/lru-map.js';
import type { PlanRequest, Planner } from '../planning/planner.js';
import { compilePlan, type CompiledPlan } from './compile-plan.js';

/** Plans, kept under what was planned: operations that differ in what does not matter to the planner share one. */
export interface PlanCache {
  /** Errors: when it cannot be planned. */
  get(request: PlanRequest): { readonly plan: CompiledPlan; readonly found: boolean };
}

/**
 * Makes an empty cache.
 *
 * @param capacity how many plans are kept.
 */
export function createPlanCache(planner: Planner, capacity: number): PlanCache {
  const plans = new LruMap<string, CompiledPlan>(capacity);
  return {
    get(request) {
      const key = `${[...request.overrides].join()}\n${print(request.document)}`;
      const known = plans.get(key);
      if (known) return { plan: known, found: true };
      const plan = compilePlan(planner.plan(request));
      plans.set(key, plan);
      return { plan, found: false };
    },
  };
}

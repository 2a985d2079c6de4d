import { describe, expect, it } from '@jest/globals';
import type { QueryPlan } from '@apollo/query-planner';
import { createPlanCache } from '../../../gateway/execution/plan-cache.js';
import { NO_OVERRIDES } from '../../../gateway/planning/override-labels.js';
import { PlanningFailed } from '../../../gateway/planning/planner.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';

const PLAN: QueryPlan = { kind: 'QueryPlan' };
const request = { text: '{ a }', overrides: NO_OVERRIDES };

/** A cache over a planner whose plans end when the test says so. */
function open() {
  const asked: ((outcome: QueryPlan | Error) => void)[] = [];
  let now = 0;
  const plan = () =>
    new Promise<QueryPlan>((resolve, reject) => {
      asked.push((outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
    });
  const cache = createPlanCache({ plan }, { capacity: 2, now: () => now });
  return { cache, asked, pass: (milliseconds: number) => (now += milliseconds) };
}

describe('the plan cache', () => {
  it('has an operation planned once for all that ask meanwhile, and then at once', async () => {
    const { cache, asked } = open();
    const [first, second] = [cache.get(request), cache.get({ ...request })];
    expect(second).toBe(first);
    expect(asked).toHaveLength(1);
    asked[0]?.(PLAN);
    const plan = await first;
    expect(cache.get(request)).toBe(plan);
    expect(cache.get({ ...request, overrides: new Map([['next', true]]) })).toBeInstanceOf(Promise);
  });

  it('does not try for a while what cannot be planned', async () => {
    const { cache, asked, pass } = open();
    const failing = cache.get(request);
    asked[0]?.(new PlanningFailed('no way'));
    await expect(failing).rejects.toThrow('no way');
    expect(() => cache.get(request)).toThrow('no way');
    pass(10_000);
    expect(cache.get(request)).toBeInstanceOf(Promise);
    expect(asked).toHaveLength(2);
  });

  it('tries at once again what could not be planned just then', async () => {
    const { cache, asked } = open();
    const failing = cache.get(request);
    asked[0]?.(new AegisError('UNAVAILABLE', 'full'));
    await expect(failing).rejects.toThrow('full');
    expect(cache.get(request)).toBeInstanceOf(Promise);
  });
});

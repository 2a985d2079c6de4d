import { createHash } from 'node:crypto';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { LruMap } from '../planning/lru-map.js';
import type { PlanRequest, Planner } from '../planning/planner.js';
import { compilePlan, type CompiledPlan } from './compile-plan.js';

/** Plans, kept under what was planned: operations that differ in what does not matter to the planner share one. */
export interface PlanCache {
  /**
   * The plan, or that it is being made: once for all that ask meanwhile, and to the end even when they leave.
   *
   * Errors: thrown at once when it could not be planned a moment ago.
   */
  get(request: PlanRequest): CompiledPlan | Promise<CompiledPlan>;
}

export interface PlanCacheOptions {
  /** How many plans are kept. */
  readonly capacity: number;
  /** Milliseconds from any instant on. */
  readonly now?: () => number;
}

interface Failure {
  readonly error: unknown;
  readonly until: number;
}

/** How long an operation that cannot be planned is refused without trying again, in milliseconds. */
const FAILURE_MS = 10_000;
/** How many of them are remembered. */
const MAX_FAILURES = 1_000;

/** Makes an empty cache. */
export function createPlanCache(
  planner: Planner,
  { capacity, now = () => performance.now() }: PlanCacheOptions,
): PlanCache {
  const plans = new LruMap<string, CompiledPlan>(capacity);
  const failures = new LruMap<string, Failure>(MAX_FAILURES);
  // Its size is bounded by how many the planner lets wait.
  const pending = new Map<string, Promise<CompiledPlan>>();

  async function make(key: string, request: PlanRequest): Promise<CompiledPlan> {
    try {
      const plan = compilePlan(await planner.plan(request));
      plans.set(key, plan);
      return plan;
    } catch (error) {
      if (staysSo(error)) failures.set(key, { error, until: now() + FAILURE_MS });
      throw error;
    } finally {
      pending.delete(key);
    }
  }

  return {
    get(request) {
      const key = keyOf(request);
      const known = plans.get(key) ?? pending.get(key);
      if (known) return known;
      const failure = failures.get(key);
      if (failure && now() < failure.until) throw failure.error;
      const plan = make(key, request);
      pending.set(key, plan);
      return plan;
    },
  };
}

/** Whether the same operation would fail again; what waits too long may be planned later. */
function staysSo(error: unknown): boolean {
  return !(error instanceof AegisError) || error.code === 'OPERATION_TOO_COSTLY';
}

/** Texts are long, and many; no two of them have one SHA-256. */
function keyOf({ text, overrides }: PlanRequest): string {
  return `${createHash('sha256').update(text).digest('base64')} ${[...overrides].join()}`;
}

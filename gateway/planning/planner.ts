import type { QueryPlan } from '@apollo/query-planner';
import type { Overrides } from './override-labels.js';

/** Turns valid operations of one supergraph into the fetches that answer them. */
export interface Planner {
  /**
   * Plans an operation as normalise-operation.ts and rewrite-operation.ts have made it.
   *
   * Errors: {@link PlanningFailed} when it cannot be planned, each time again; UNAVAILABLE when it cannot now;
   * OPERATION_TOO_COSTLY when it takes too long.
   */
  plan(request: PlanRequest): Promise<QueryPlan>;
}

/** What to plan. */
export interface PlanRequest {
  /** One operation and the fragments that it uses, without conditions. */
  readonly text: string;
  readonly overrides: Overrides;
}

/** The planner has no plan for an operation. */
export class PlanningFailed extends Error {
  override readonly name = 'PlanningFailed';
}

import { operationFromDocument, type Schema } from '@apollo/federation-internals';
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';

/** Turns a valid operation into the fetches that answer it. */
export interface Planner {
  /**
   * Plans an operation as normalise-operation.ts and rewrite-operation.ts have made it.
   *
   * Errors: when it cannot be planned.
   */
  plan(request: PlanRequest): QueryPlan;
}

/** What to plan. */
export interface PlanRequest {
  /** One operation and the fragments that it uses, without conditions. */
  readonly document: DocumentNode;
}

/** Apollo's planner for one supergraph. Making it costs tens of milliseconds, so it is made at the first plan. */
export function createApolloPlanner({ supergraph }: SupergraphSnapshot): Planner {
  let made: { planner: QueryPlanner; apiSchema: Schema } | undefined;
  return {
    plan({ document }) {
      made ??= { planner: new QueryPlanner(supergraph), apiSchema: supergraph.apiSchema() };
      return made.planner.buildQueryPlan(operationFromDocument(made.apiSchema, document));
    },
  };
}

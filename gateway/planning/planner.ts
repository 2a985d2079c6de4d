import { operationFromDocument, type Schema } from '@apollo/federation-internals';
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import { rewriteForPlanner } from './rewrite-operation.js';

/** Turns a valid operation into the fetches that answer it. */
export interface Planner {
  /**
   * Plans one operation of a document for the values that some variables have in its conditions. The variables of the
   * plan are named as {@link clientNameOf} reads them.
   *
   * Errors: when it cannot be planned.
   */
  plan(request: PlanRequest): QueryPlan;
}

/** What to plan. */
export interface PlanRequest {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Apollo's planner for one supergraph. Making it costs tens of milliseconds, so it is made at the first plan. */
export function createApolloPlanner({ supergraph }: SupergraphSnapshot): Planner {
  let made: { planner: QueryPlanner; apiSchema: Schema } | undefined;
  return {
    plan({ document, operationName, variables }) {
      made ??= { planner: new QueryPlanner(supergraph), apiSchema: supergraph.apiSchema() };
      const operation = operationFromDocument(
        made.apiSchema,
        rewriteForPlanner(document, variables),
        operationName === undefined ? {} : { operationName },
      );
      return made.planner.buildQueryPlan(operation);
    },
  };
}

import { operationFromDocument, type Schema } from '@apollo/federation-internals';
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';

/** Turns a valid operation into the fetches that answer it. */
export interface Planner {
  plan(document: DocumentNode, operationName: string | undefined): QueryPlan;
}

/** Apollo's planner for one supergraph. Making it costs tens of milliseconds, so it is made at the first plan. */
export function createApolloPlanner({ supergraph }: SupergraphSnapshot): Planner {
  let made: { planner: QueryPlanner; apiSchema: Schema } | undefined;
  return {
    plan(document, operationName) {
      made ??= { planner: new QueryPlanner(supergraph), apiSchema: supergraph.apiSchema() };
      const operation = operationFromDocument(
        made.apiSchema,
        document,
        operationName === undefined ? {} : { operationName },
      );
      return made.planner.buildQueryPlan(operation);
    },
  };
}

import { operationFromDocument, Supergraph, type Schema } from '@apollo/federation-internals';
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner';
import { parse, type DocumentNode } from 'graphql';
import { SUPPORTED_FEATURES, type SupergraphSnapshot } from '../supergraph/snapshot.js';
import { hoistRequiredArguments, type HoistedSupergraph } from './hoist-required-arguments.js';
import type { Overrides } from './override-labels.js';
import { restoreRequiredArguments } from './restore-required-arguments.js';

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
  readonly overrides: Overrides;
}

interface MadePlanner {
  readonly planner: QueryPlanner;
  readonly apiSchema: Schema;
  readonly hoisted: HoistedSupergraph | undefined;
}

/** Apollo's planner for one supergraph. Making it costs tens of milliseconds, so it is made at the first plan. */
export function createApolloPlanner({ sdl, supergraph }: SupergraphSnapshot): Planner {
  let made: MadePlanner | undefined;

  function make(): MadePlanner {
    const hoisted = hoistRequiredArguments(parse(sdl, { noLocation: true }));
    // It was valid, and its subgraphs still are; but the first fields may now be declared external for nobody's sake.
    const known = hoisted
      ? Supergraph.build(hoisted.document, {
          supportedFeatures: SUPPORTED_FEATURES,
          validateSupergraph: false,
        })
      : supergraph;
    return { planner: new QueryPlanner(known), apiSchema: known.apiSchema(), hoisted };
  }

  return {
    plan({ document, overrides }) {
      made ??= make();
      const plan = made.planner.buildQueryPlan(operationFromDocument(made.apiSchema, document), {
        overrideConditions: new Map(overrides),
      });
      return made.hoisted ? restoreRequiredArguments(plan, made.hoisted) : plan;
    },
  };
}

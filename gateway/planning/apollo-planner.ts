import { operationFromDocument, Supergraph, type Schema } from '@apollo/federation-internals';
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner';
import { parse } from 'graphql';
import { SUPPORTED_FEATURES } from '../supergraph/read-supergraph.js';
import { hoistRequiredArguments, type HoistedSupergraph } from './hoist-required-arguments.js';
import type { PlanRequest } from './planner.js';
import { restoreRequiredArguments } from './restore-required-arguments.js';

/** Apollo's planner for one supergraph. It takes the thread that it is called on. */
export interface ApolloPlanner {
  /** Makes what the first plan would otherwise make: some tens of milliseconds, for large supergraphs hundreds. */
  prepare(): void;
  /** Errors: whatever the planner throws. */
  plan(request: PlanRequest): QueryPlan;
}

interface MadePlanner {
  readonly planner: QueryPlanner;
  readonly apiSchema: Schema;
  readonly hoisted: HoistedSupergraph | undefined;
}

/** Makes it for a supergraph that was read from the SDL. */
export function createApolloPlanner(sdl: string, supergraph: Supergraph): ApolloPlanner {
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
    return {
      planner: new QueryPlanner(known, { incrementalDelivery: { enableDefer: true } }),
      apiSchema: known.apiSchema(),
      hoisted,
    };
  }

  return {
    prepare() {
      made ??= make();
    },
    plan({ text, overrides }) {
      made ??= make();
      const document = parse(text, { noLocation: true });
      const plan = made.planner.buildQueryPlan(operationFromDocument(made.apiSchema, document), {
        overrideConditions: new Map(overrides),
      });
      return made.hoisted ? restoreRequiredArguments(plan, made.hoisted) : plan;
    },
  };
}

import type { QueryPlan } from '@apollo/query-planner';
import { getVariableValues, GraphQLError, print } from 'graphql';
import { normaliseOperation } from '../planning/normalise-operation.js';
import { createOverrideDecision, type OverrideOptions } from '../planning/override-labels.js';
import type { Planner } from '../planning/planner.js';
import { rewriteForPlanner } from '../planning/rewrite-operation.js';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import type { PreparedOperation } from './prepared-operation.js';

/** How the gateway would answer an operation. */
export interface ExplainedPlan {
  /** The plan as Apollo prints plans. */
  readonly text: string;
  readonly json: QueryPlan;
  /** Whether the request found it made. */
  readonly cached: boolean;
}

export interface ExplainOptions extends Pick<OverrideOptions, 'isOverrideActive'> {
  readonly operation: PreparedOperation;
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly snapshot: SupergraphSnapshot;
  readonly planner: Planner;
}

/**
 * Plans once more for somebody who wants to see it: executing needs other things of a plan, so that Apollo's is not kept.
 * Fields that move for some of a hundred requests (`@override(label: "percent(n)")`) have not moved.
 *
 * Errors: GraphQLError when the variables are not what the operation declares; those of the planner.
 */
export async function explainPlan(options: ExplainOptions): Promise<ExplainedPlan> {
  const { operation, snapshot, planner } = options;
  const { definition, fragments, variantFor } = operation;
  const { apiSchema: schema, requiredObjects } = snapshot;
  const { coerced } = getVariableValues(schema, definition.variableDefinitions ?? [], options.variables);
  if (!coerced) throw new GraphQLError('its variables are not what it declares');
  const overrides = createOverrideDecision(snapshot.overrideLabels, { ...options, random: almostOne })();
  const found = variantFor(coerced, overrides);
  const cached = !(found instanceof Promise);
  await found;
  const { document } = normaliseOperation({ definition, fragments, schema, requiredObjects });
  const text = print(rewriteForPlanner(document, coerced));
  const plan = await planner.plan({ text, overrides });
  // It brings the whole planner with it, which else lives in a thread of its own.
  const { prettyFormatQueryPlan } = await import('@apollo/query-planner');
  return { text: prettyFormatQueryPlan(plan), json: plan, cached };
}

/** The last request of a hundred. */
function almostOne(): number {
  return 1 - Number.EPSILON;
}

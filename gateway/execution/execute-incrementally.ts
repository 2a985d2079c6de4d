import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { Overrides } from '../planning/override-labels.js';
import { PlanningFailed } from '../planning/planner.js';
import { announce, deliverParts, type PartsSource } from './deliver-parts.js';
import type { ExecutionRequest } from './execution-request.js';
import type { IncrementalResult } from './incremental-result.js';
import { findSubgraph } from './find-subgraph.js';
import { createIntrospection } from './introspect.js';
import { openOperationDeadline } from './operation-deadline.js';
import type { PlanRun } from './plan-run.js';
import type { OperationVariant, PreparedOperation } from './prepared-operation.js';
import { runPlan } from './run-plan.js';
import { shapeResponse } from './shape-response.js';

/** Executes a query or a mutation, its variables coerced, whose deferred parts may come later. */
export type ExecuteIncrementally = (
  operation: PreparedOperation,
  request: ExecutionRequest,
) => Promise<ExecutionResult | IncrementalResult>;

export interface IncrementalDeps {
  readonly apiSchema: GraphQLSchema;
  readonly timeoutMs: number;
  readonly decideOverrides: () => Overrides;
  readonly beginRun: (
    variables: Readonly<Record<string, unknown>>,
    request: ExecutionRequest,
    at: { readonly signal: AbortSignal; readonly variant: OperationVariant },
  ) => PlanRun;
}

/** Makes what executes operations whose variables are coerced. */
export function createExecuteIncrementally(deps: IncrementalDeps): ExecuteIncrementally {
  const { apiSchema, timeoutMs, decideOverrides, beginRun } = deps;

  /** The planner cannot defer some parts that are behind several abstract types: then nothing comes later. */
  async function findVariant(
    operation: PreparedOperation,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<OperationVariant> {
    const overrides = decideOverrides();
    try {
      return await operation.variantFor(variables, overrides, true);
    } catch (error) {
      if (!(error instanceof PlanningFailed)) throw error;
      return operation.variantFor(variables, overrides);
    }
  }

  return async (operation, request) => {
    const { variables } = request;
    // Parts that nobody waits for any more are not fetched to the end.
    const stop = new AbortController();
    const deadline = openOperationDeadline(AbortSignal.any([request.signal, stop.signal]), timeoutMs);
    const close = () => {
      stop.abort();
      deadline.close();
    };
    try {
      const variant = await untilAborted(findVariant(operation, variables), deadline.signal);
      const run = beginRun(variables, request, { signal: deadline.signal, variant });
      await runPlan(variant.plan.root, run);
      const input = {
        schema: apiSchema,
        rootType: operation.rootType,
        data: run.data,
        problems: run.problems,
        introspect: createIntrospection({ ...operation, schema: apiSchema }, variables),
        findSubgraph: (keys: readonly string[]) => findSubgraph(variant.plan, keys),
      };
      const { data, errors, deferred } = shapeResponse({ ...input, selection: variant.selection });
      const initial = errors.length > 0 ? { data, errors } : { data };
      if (!variant.deferred || !run.deferral || deferred.length === 0) {
        close();
        return initial;
      }
      const { labels, whole } = variant.deferred;
      const source: PartsSource = { ...input, selection: whole, deferral: run.deferral, labels };
      const expected = announce(deferred, source);
      const parts = deliverParts(expected, source, close);
      return { initial, announces: expected.map(({ part }) => part), parts };
    } catch (error) {
      close();
      throw error;
    }
  };
}

import {
  getVariableValues,
  GraphQLError,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import { createOverrideDecision, type OverrideOptions } from '../planning/override-labels.js';
import type { Planner } from '../planning/planner.js';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import { createEntityBatching } from '../transports/batch-entities.js';
import type { Transport } from '../transports/transport.js';
import type { DataObject } from './data.js';
import { createDeferral } from './deferral.js';
import { createExecuteIncrementally } from './execute-incrementally.js';
import type { ExecutionRequest } from './execution-request.js';
import type { IncrementalResult } from './incremental-result.js';
import { openOperationDeadline } from './operation-deadline.js';
import { findSubgraph } from './find-subgraph.js';
import { createIntrospection } from './introspect.js';
import { createPlanCache } from './plan-cache.js';
import type { PlanRun } from './plan-run.js';
import { createPossibleTypes } from './possible-types.js';
import { prepareOperation, type OperationVariant, type PreparedOperation } from './prepared-operation.js';
import { createProblems } from './problems.js';
import { runPlan } from './run-plan.js';
import { shapeResponse } from './shape-response.js';
import {
  createSubscribeOperations,
  type FinishedRun,
  type SubscribeOperations,
} from './subscribe-operations.js';
import { asData, WrittenData } from './written-data.js';

/** Executes the operations of one supergraph. */
export interface Executor extends SubscribeOperations {
  /** @param document a document that is valid against the supergraph's API schema. */
  prepare(document: DocumentNode, operationName: string | undefined): PreparedOperation;
  execute(operation: PreparedOperation, request: ExecutionRequest): Promise<ExecutionResult>;
  /** Executes a query or a mutation whose deferred parts come later. */
  executeIncrementally(
    operation: PreparedOperation,
    request: ExecutionRequest,
  ): Promise<ExecutionResult | IncrementalResult>;
}

export interface ExecutorOptions extends OverrideOptions {
  readonly snapshot: SupergraphSnapshot;
  readonly planner: Planner;
  /** Told of each request whether its plan was there already. */
  readonly onPlan: (found: boolean) => void;
  readonly transportFor: (subgraph: string) => Transport;
  /**
   * How long a query, a mutation, the begin of a subscription and the completion of each of its events may take, in
   * milliseconds.
   */
  readonly timeoutMs: number;
  /** How many plans are kept; 1,000 by default. */
  readonly planCacheSize?: number;
}

/** Makes the executor of one supergraph. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { snapshot, planner, onPlan, transportFor, timeoutMs, planCacheSize = 1_000 } = options;
  const { apiSchema, requiredObjects } = snapshot;
  const plans = createPlanCache(planner, { capacity: planCacheSize });
  const decideOverrides = createOverrideDecision(snapshot.overrideLabels, options);
  const possibleTypes = createPossibleTypes(snapshot.types);
  const batchEntities = createEntityBatching();
  const transportForEvents = (subgraph: string) => batchEntities(transportFor(subgraph));

  function begin(
    variables: Readonly<Record<string, unknown>>,
    { context }: ExecutionRequest,
    { signal, variant }: { signal: AbortSignal; variant: OperationVariant },
  ): PlanRun {
    const { hasContexts, hasDeferred, awaitedFetches } = variant.plan;
    // An object that is told of as the place of a part to come must stay the one that stands there.
    const request = { variables, context, signal, dependsOnPlace: hasContexts || hasDeferred };
    const deferral = hasDeferred ? createDeferral(awaitedFetches, signal) : undefined;
    const progress = {
      data: {},
      problems: createProblems(),
      shared: new Set<DataObject>(),
      answers: new Map(),
    };
    return { ...progress, ...request, deferral, possibleTypes, transportFor };
  }

  const subscribing = createSubscribeOperations({
    apiSchema,
    transportFor,
    timeoutMs,
    decideOverrides,
    coerce: (operation, variables) => coerceVariables(operation, variables, apiSchema),
    beginRun: ({ variables, request, variant }, signal) => ({
      ...begin(variables, request, { signal, variant }),
      transportFor: transportForEvents,
    }),
    finish: (planned, run) => finish(planned, run, apiSchema),
  });

  const executeIncrementally = createExecuteIncrementally({
    apiSchema,
    timeoutMs,
    decideOverrides,
    beginRun: begin,
  });

  return {
    prepare: (document, operationName) =>
      prepareOperation({ document, operationName, schema: apiSchema, plans, requiredObjects, onPlan }),
    async execute(operation, request) {
      const { coerced, errors } = coerceVariables(operation, request.variables, apiSchema);
      if (errors) return { errors };
      const found = operation.variantFor(coerced, decideOverrides());
      const deadline = openOperationDeadline(request.signal, timeoutMs);
      try {
        const variant = found instanceof Promise ? await untilAborted(found, deadline.signal) : found;
        const run = begin(coerced, request, { signal: deadline.signal, variant });
        await runPlan(variant.plan.root, run);
        const text = request.written && run.problems.none ? variant.write(run.data, run.shared) : undefined;
        if (text !== undefined) return { data: asData(new WrittenData(text)) };
        return finish({ operation, variant }, run, apiSchema);
      } finally {
        deadline.close();
      }
    },
    async executeIncrementally(operation, request) {
      const { coerced, errors } = coerceVariables(operation, request.variables, apiSchema);
      return errors ? { errors } : executeIncrementally(operation, { ...request, variables: coerced });
    },
    ...subscribing,
  };
}

/** The response of a plan that has run. */
function finish(
  { operation, variant }: { operation: PreparedOperation; variant: OperationVariant },
  run: FinishedRun,
  schema: GraphQLSchema,
): ExecutionResult {
  const { data, errors } = shapeResponse({
    schema,
    rootType: operation.rootType,
    selection: variant.selection,
    data: run.data,
    problems: run.problems,
    introspect: createIntrospection({ ...operation, schema }, run.variables),
    findSubgraph: (keys) => findSubgraph(variant.plan, keys),
  });
  return errors.length > 0 ? { data, errors } : { data };
}

/**
 * The variables that an operation declares, checked and with their defaults, and those that stand for its literals; or
 * what is wrong with them.
 */
function coerceVariables(
  { definition, conditionVariables, literals }: PreparedOperation,
  variables: Readonly<Record<string, unknown>>,
  schema: GraphQLSchema,
) {
  const definitions = definition.variableDefinitions ?? [];
  const { coerced, errors } = getVariableValues(schema, definitions, variables, { maxErrors: 20 });
  if (errors) return { errors };
  // A nullable variable with a default may decide a condition, and then be sent as null.
  const undecided = conditionVariables.find((name) => coerced[name] === null);
  if (undecided === undefined) return { coerced: Object.assign(coerced, literals) };
  return {
    errors: [new GraphQLError(`Variable "$${undecided}" of @skip, @include or @defer must not be null.`)],
  };
}

import {
  getVariableValues,
  GraphQLError,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import { mapIterator } from '../../kernel/streams/map-iterator.js';
import { createOverrideDecision, type OverrideOptions } from '../planning/override-labels.js';
import type { Planner } from '../planning/planner.js';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import type { SubgraphResponse, Transport } from '../transports/transport.js';
import type { FetchStep } from './compile-plan.js';
import type { DataObject, ResponsePath } from './data.js';
import { openOperationDeadline } from './operation-deadline.js';
import { createIntrospection } from './introspect.js';
import { mergeRootFields } from './merge-response.js';
import { createPlanCache } from './plan-cache.js';
import type { PlanRun } from './plan-run.js';
import { createPossibleTypes } from './possible-types.js';
import { prepareOperation, type OperationVariant, type PreparedOperation } from './prepared-operation.js';
import { createProblems } from './problems.js';
import { toResponsePaths } from './response-paths.js';
import { pickVariables, runPlan } from './run-plan.js';
import { shapeResponse } from './shape-response.js';
import { explainEnd, openSubscriptionSource } from './subscription-source.js';
import { asData, WrittenData } from './written-data.js';

/** One request of an operation. */
export interface ExecutionRequest {
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
  /** Whether the data of a query or mutation may be {@link WrittenData}: as JSON text, for who writes it. */
  readonly written?: boolean | undefined;
}

/** Executes the operations of one supergraph. */
export interface Executor {
  /** @param document a document that is valid against the supergraph's API schema. */
  prepare(document: DocumentNode, operationName: string | undefined): PreparedOperation;
  execute(operation: PreparedOperation, request: ExecutionRequest): Promise<ExecutionResult>;
  /** Begins a subscription: its events, or the errors that kept it from beginning. */
  subscribe(
    operation: PreparedOperation,
    request: ExecutionRequest,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
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

/** A subscription that has begun. */
interface Subscribed {
  readonly operation: PreparedOperation;
  readonly variant: OperationVariant;
  readonly source: FetchStep;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly request: ExecutionRequest;
}

/** Makes the executor of one supergraph. */
export function createExecutor(options: ExecutorOptions): Executor {
  const { snapshot, planner, onPlan, transportFor, timeoutMs, planCacheSize = 1_000 } = options;
  const { apiSchema, requiredObjects } = snapshot;
  const plans = createPlanCache(planner, { capacity: planCacheSize });
  const decideOverrides = createOverrideDecision(snapshot.overrideLabels, options);
  const possibleTypes = createPossibleTypes(snapshot.types);

  function begin(
    variables: Readonly<Record<string, unknown>>,
    { context }: ExecutionRequest,
    { signal, variant }: { signal: AbortSignal; variant: OperationVariant },
  ): PlanRun {
    const { hasContexts: dependsOnPlace } = variant.plan;
    const request = { variables, context, signal, dependsOnPlace };
    const progress = {
      data: {},
      problems: createProblems(),
      shared: new Set<DataObject>(),
      answers: new Map(),
    };
    return { ...progress, ...request, possibleTypes, transportFor };
  }

  async function completeEvent(
    event: SubgraphResponse,
    { operation, variant, source, variables, request }: Subscribed,
  ): Promise<ExecutionResult> {
    const deadline = openOperationDeadline(request.signal, timeoutMs);
    try {
      const run = begin(variables, request, { signal: deadline.signal, variant });
      mergeRootFields(source, event, run);
      await runPlan(variant.plan.root, run);
      return finish({ operation, variant }, run, apiSchema);
    } finally {
      deadline.close();
    }
  }

  /** A plan that is being made is made to the end, but nobody waits for it longer than the operation may take. */
  async function untilPlanned(
    found: ReturnType<PreparedOperation['variantFor']>,
    client: AbortSignal,
  ): Promise<OperationVariant> {
    if (!(found instanceof Promise)) return found;
    const deadline = openOperationDeadline(client, timeoutMs);
    try {
      return await untilAborted(found, deadline.signal);
    } finally {
      deadline.close();
    }
  }

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
    async subscribe(operation, request) {
      const { coerced, errors } = coerceVariables(operation, request.variables, apiSchema);
      if (errors) return { errors };
      const variant = await untilPlanned(operation.variantFor(coerced, decideOverrides()), request.signal);
      const { source } = variant.plan;
      if (!source)
        return { errors: [new GraphQLError('expected a subscription with a field of a subgraph.')] };
      const { context, signal } = request;
      const root = { data: {}, type: operation.rootType, selection: variant.selection };
      const toClientPaths = (path: ResponsePath) => toResponsePaths(path, apiSchema, root);
      try {
        const variables = pickVariables(source, coerced);
        const transport = transportFor(source.operation.subgraph);
        const asked = { operation: source.operation, variables, context, signal };
        const events = await openSubscriptionSource(transport, asked, { timeoutMs, toClientPaths });
        const subscribed = { operation, variant, source, variables: coerced, request };
        return mapIterator(events, (event) => completeEvent(event, subscribed));
      } catch (error) {
        return { errors: explainEnd(error, source.operation.subgraph, toClientPaths) };
      }
    },
  };
}

/** The response of a plan that has run. */
function finish(
  { operation, variant }: { operation: PreparedOperation; variant: OperationVariant },
  run: PlanRun,
  schema: GraphQLSchema,
): ExecutionResult {
  const { data, errors } = shapeResponse({
    schema,
    rootType: operation.rootType,
    selection: variant.selection,
    data: run.data,
    problems: run.problems,
    introspect: createIntrospection({ ...operation, schema }, run.variables),
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
  return { errors: [new GraphQLError(`Variable "$${undecided}" of @skip or @include must not be null.`)] };
}

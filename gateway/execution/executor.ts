import {
  execute as executeSchema,
  getVariableValues,
  GraphQLError,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import type { QueryPlan } from '@apollo/query-planner';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { mapIterator } from '../../kernel/streams/map-iterator.js';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import { SubscriptionRefused } from '../transports/subscription-refused.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../transports/transport.js';
import type { FetchStep } from './compile-plan.js';
import { openDeadline } from './deadline.js';
import { mergeRootFields } from './merge-response.js';
import type { PlanRun } from './plan-run.js';
import { createPossibleTypes } from './possible-types.js';
import { prepareOperation, type PreparedOperation } from './prepared-operation.js';
import { createProblems } from './problems.js';
import { pickVariables, runPlan } from './run-plan.js';
import { shapeResponse } from './shape-response.js';
import { describeReported, describeUnreached, toUpstreamError } from './upstream-error.js';

/** One request of an operation. */
export interface ExecutionRequest {
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
}

/** Executes the operations of one supergraph. */
export interface Executor {
  /** @param document a document that is valid against the supergraph's API schema. */
  prepare(document: DocumentNode, operationName: string | undefined, plan: QueryPlan): PreparedOperation;
  execute(operation: PreparedOperation, request: ExecutionRequest): Promise<ExecutionResult>;
  /** Begins a subscription: its events, or the errors that kept it from beginning. */
  subscribe(
    operation: PreparedOperation,
    request: ExecutionRequest,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
}

export interface ExecutorOptions {
  readonly snapshot: SupergraphSnapshot;
  readonly transportFor: (subgraph: string) => Transport;
  /**
   * How long a query, a mutation, the begin of a subscription and the completion of each of its events may take, in
   * milliseconds.
   */
  readonly timeoutMs: number;
}

/** A subscription that has begun. */
interface Subscribed {
  readonly operation: PreparedOperation;
  readonly source: FetchStep;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly request: ExecutionRequest;
}

/** Makes the executor of one supergraph. */
export function createExecutor({ snapshot, transportFor, timeoutMs }: ExecutorOptions): Executor {
  const { apiSchema } = snapshot;
  const possibleTypes = createPossibleTypes(snapshot.supergraph.schema.toGraphQLJSSchema());

  function begin(
    variables: Readonly<Record<string, unknown>>,
    { context }: ExecutionRequest,
    signal: AbortSignal,
  ): PlanRun {
    return { data: {}, problems: createProblems(), variables, context, signal, possibleTypes, transportFor };
  }

  function finish(operation: PreparedOperation, run: PlanRun): ExecutionResult {
    const { data, errors } = shapeResponse({
      schema: apiSchema,
      rootType: operation.rootType,
      selection: operation.shapeFor(run.variables),
      data: run.data,
      problems: run.problems,
      introspection: introspect(operation, run.variables, apiSchema),
    });
    return errors.length > 0 ? { data, errors } : { data };
  }

  async function completeEvent(
    event: SubgraphResponse,
    { operation, source, variables, request }: Subscribed,
  ): Promise<ExecutionResult> {
    const deadline = openDeadline(request.signal, timeoutMs);
    try {
      const run = begin(variables, request, deadline.signal);
      mergeRootFields(source, event, run);
      await runPlan(operation.plan.root, run);
      return finish(operation, run);
    } finally {
      deadline.close();
    }
  }

  /** Begins at the subgraph. The deadline's clock stops then; its signal ends the subscription with the client. */
  async function openSource(request: SubgraphRequest): Promise<AsyncIterator<SubgraphResponse>> {
    const { subgraph } = request.operation;
    const deadline = openDeadline(request.signal, timeoutMs);
    try {
      const events = await transportFor(subgraph).subscribe({ ...request, signal: deadline.signal });
      deadline.stopClock();
      return explainEnd(events, subgraph, deadline.close);
    } catch (error) {
      deadline.close();
      throw error;
    }
  }

  return {
    prepare: (document, operationName, plan) =>
      prepareOperation({ document, operationName, plan, schema: apiSchema }),
    async execute(operation, request) {
      const { coerced, errors } = coerceVariables(operation, request.variables, apiSchema);
      if (errors) return { errors };
      const deadline = openDeadline(request.signal, timeoutMs);
      try {
        const run = begin(coerced, request, deadline.signal);
        await runPlan(operation.plan.root, run);
        return finish(operation, run);
      } finally {
        deadline.close();
      }
    },
    async subscribe(operation, request) {
      const { source } = operation.plan;
      const { coerced, errors } = coerceVariables(operation, request.variables, apiSchema);
      if (errors) return { errors };
      if (!source)
        return { errors: [new GraphQLError('expected a subscription with a field of a subgraph.')] };
      const { context, signal } = request;
      try {
        const variables = pickVariables(source, coerced);
        const events = await openSource({ operation: source.operation, variables, context, signal });
        const subscribed = { operation, source, variables: coerced, request };
        return mapIterator(events, (event) => completeEvent(event, subscribed));
      } catch (error) {
        return { errors: explain(error, source.operation.subgraph) };
      }
    },
  };
}

/** The variables that an operation declares, checked and with their defaults, or what is wrong with them. */
function coerceVariables(
  { definition, conditionVariables }: PreparedOperation,
  variables: Readonly<Record<string, unknown>>,
  schema: GraphQLSchema,
) {
  const definitions = definition.variableDefinitions ?? [];
  const { coerced, errors } = getVariableValues(schema, definitions, variables, { maxErrors: 20 });
  if (errors) return { errors };
  // A nullable variable with a default may decide a condition, and then be sent as null.
  const undecided = conditionVariables.find((name) => coerced[name] === null);
  if (undecided === undefined) return { coerced };
  return { errors: [new GraphQLError(`Variable "$${undecided}" of @skip or @include must not be null.`)] };
}

/** Answers the root fields that ask about the schema. */
function introspect(
  { introspection }: PreparedOperation,
  variableValues: Readonly<Record<string, unknown>>,
  schema: GraphQLSchema,
): Readonly<Record<string, unknown>> {
  if (!introspection) return {};
  const result = executeSchema({ schema, document: introspection, variableValues });
  return result instanceof Promise ? {} : (result.data ?? {});
}

/** Ends a stream that failed with an error in the client's terms, and calls back when it is over in whichever way. */
function explainEnd(
  events: AsyncIterableIterator<SubgraphResponse>,
  subgraph: string,
  onEnd: () => void,
): AsyncIterator<SubgraphResponse> {
  return {
    async next() {
      try {
        const result = await events.next();
        if (result.done) onEnd();
        return result;
      } catch (error) {
        onEnd();
        throw explain(error, subgraph)[0] ?? error;
      }
    },
    async return() {
      onEnd();
      return (await events.return?.()) ?? { value: undefined, done: true };
    },
  };
}

function explain(error: unknown, subgraph: string): GraphQLError[] {
  if (!(error instanceof SubscriptionRefused)) return [toUpstreamError(describeUnreached(error, subgraph))];
  return error.errors.map((reported) => toUpstreamError(describeReported(reported, subgraph), reported.path));
}

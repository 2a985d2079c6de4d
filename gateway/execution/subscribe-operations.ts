import { GraphQLError, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { Overrides } from '../planning/override-labels.js';
import type { SubgraphResponse, Transport } from '../transports/transport.js';
import type { FetchStep } from './compile-plan.js';
import type { ExecutionRequest } from './execution-request.js';
import { mergeRootFields } from './merge-response.js';
import { openOperationDeadline } from './operation-deadline.js';
import type { PlanRun } from './plan-run.js';
import { createProblems, type Problems } from './problems.js';
import type { OperationVariant, PreparedOperation } from './prepared-operation.js';
import { toResponsePaths } from './response-paths.js';
import { pickVariables, runPlan } from './run-plan.js';
import {
  openRunningSubscription,
  type EventCompletion,
  type RunningSubscription,
} from './running-subscription.js';
import { explainEnd } from './subscription-source.js';

/** The subscriptions of one supergraph. */
export interface SubscribeOperations {
  /** Begins a subscription: its events, or the errors that kept it from beginning. */
  subscribe(
    operation: PreparedOperation,
    request: ExecutionRequest,
  ): Promise<RunningSubscription | ExecutionResult>;
  /**
   * How this supergraph completes the events of a subscription that another one has begun, when it asks the source for the
   * same.
   *
   * Errors: when it cannot be planned, or does not.
   */
  takeOver(
    operation: PreparedOperation,
    request: ExecutionRequest,
    begun: EventCompletion,
  ): Promise<EventCompletion>;
}

/** What the executor does for all operations. */
export interface SubscribeOperationsDeps {
  readonly apiSchema: GraphQLSchema;
  readonly transportFor: (subgraph: string) => Transport;
  readonly timeoutMs: number;
  readonly decideOverrides: () => Overrides;
  readonly coerce: (
    operation: PreparedOperation,
    variables: Readonly<Record<string, unknown>>,
  ) =>
    | { readonly coerced: Readonly<Record<string, unknown>>; readonly errors?: undefined }
    | { readonly coerced?: undefined; readonly errors: readonly GraphQLError[] };
  /** Begins the run of a plan, for one event. */
  readonly beginRun: (planned: PlannedSubscription, signal: AbortSignal) => PlanRun;
  readonly finish: (planned: PlannedSubscription, run: FinishedRun) => ExecutionResult;
}

/** What a response is made of: all that remains of a run. */
export type FinishedRun = Pick<PlanRun, 'data' | 'problems' | 'variables'>;

interface CompletionDeps extends SubscribeOperationsDeps {
  /** Stands for the problems of all events that have none; nothing is ever added to it. */
  readonly nothingWrong: Problems;
}

/** A subscription that is ready to begin: planned, and its variables checked. */
export interface PlannedSubscription {
  readonly operation: PreparedOperation;
  readonly variant: OperationVariant;
  readonly overrides: Overrides;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly request: ExecutionRequest;
}

/** Makes the part of an executor that subscribes. */
export function createSubscribeOperations(given: SubscribeOperationsDeps): SubscribeOperations {
  const { transportFor, timeoutMs, decideOverrides, coerce } = given;
  const deps = { ...given, nothingWrong: createProblems() };
  return {
    async subscribe(operation, request) {
      const { coerced: variables, errors } = coerce(operation, request.variables);
      if (errors) return { errors };
      const overrides = decideOverrides();
      const variant = await untilPlanned(
        operation.variantFor(variables, overrides),
        request.signal,
        timeoutMs,
      );
      const { source } = variant.plan;
      if (!source) return { errors: [describeSourceless()] };
      const completion = toCompletion(source, { operation, variant, overrides, variables, request }, deps);
      const { context, signal } = request;
      const asked = {
        operation: source.operation,
        variables: pickVariables(source, variables),
        context,
        signal,
      };
      try {
        const transport = transportFor(source.operation.subgraph);
        return await openRunningSubscription({ transport, request: asked, completion, timeoutMs });
      } catch (error) {
        return { errors: explainEnd(error, source.operation.subgraph, completion.toClientPaths) };
      }
    },
    async takeOver(operation, request, begun) {
      const { coerced: variables, errors } = coerce(operation, request.variables);
      if (errors) throw new AggregateError(errors, 'its variables do not fit any more');
      const overrides = new Map(decideOverrides());
      for (const [label, moved] of begun.overrides) if (overrides.has(label)) overrides.set(label, moved);
      const variant = await untilPlanned(
        operation.variantFor(variables, overrides),
        request.signal,
        timeoutMs,
      );
      const { source } = variant.plan;
      if (source?.operation.unnamedText !== begun.source.operation.unnamedText)
        throw new Error('it asks its source for something else');
      return toCompletion(source, { operation, variant, overrides, variables, request }, deps);
    },
  };
}

function toCompletion(
  source: FetchStep,
  planned: PlannedSubscription,
  deps: CompletionDeps,
): EventCompletion {
  const { operation, variant, overrides } = planned;
  const root = { data: {}, type: operation.rootType, selection: variant.selection };
  return {
    source,
    overrides,
    complete: (event) => completeTraced(event, { source, planned }, deps),
    toClientPaths: (path) => toResponsePaths(path, deps.apiSchema, root),
  };
}

function completeTraced(
  event: SubgraphResponse,
  { source, planned }: { source: FetchStep; planned: PlannedSubscription },
  deps: CompletionDeps,
): Promise<ExecutionResult> | ExecutionResult {
  const { request } = planned;
  if (!request.traceEvent) return completeEvent(event, { source, planned }, deps);
  return request.traceEvent(request.context, async (context) =>
    completeEvent(event, { source, planned: { ...planned, request: { ...request, context } } }, deps),
  );
}

function completeEvent(
  event: SubgraphResponse,
  { source, planned }: { source: FetchStep; planned: PlannedSubscription },
  deps: CompletionDeps,
): Promise<ExecutionResult> | ExecutionResult {
  if (planned.variant.plan.root) return completeFurther(event, { source, planned }, deps);
  // Its source has told all of it: nothing is waited for, and a clock for each event would cost more than the rest.
  const { beginRun, finish, nothingWrong } = deps;
  if (event.data && !event.errors?.length && !source.outputRewrites?.length) {
    return finish(planned, { data: event.data, problems: nothingWrong, variables: planned.variables });
  }
  const run = beginRun(planned, planned.request.signal);
  mergeRootFields(source, event, run);
  return finish(planned, run);
}

/** Completes an event of which other subgraphs tell the rest. */
async function completeFurther(
  event: SubgraphResponse,
  { source, planned }: { source: FetchStep; planned: PlannedSubscription },
  { timeoutMs, beginRun, finish }: CompletionDeps,
): Promise<ExecutionResult> {
  const deadline = openOperationDeadline(planned.request.signal, timeoutMs);
  try {
    const run = beginRun(planned, deadline.signal);
    mergeRootFields(source, event, run);
    await runPlan(planned.variant.plan.root, run);
    return finish(planned, run);
  } finally {
    deadline.close();
  }
}

/** A plan that is being made is made to the end, but nobody waits for it longer than the operation may take. */
async function untilPlanned(
  found: ReturnType<PreparedOperation['variantFor']>,
  client: AbortSignal,
  timeoutMs: number,
): Promise<OperationVariant> {
  if (!(found instanceof Promise)) return found;
  const deadline = openOperationDeadline(client, timeoutMs);
  try {
    return await untilAborted(found, deadline.signal);
  } finally {
    deadline.close();
  }
}

function describeSourceless(): GraphQLError {
  return new GraphQLError('expected a subscription with a field of a subgraph.');
}

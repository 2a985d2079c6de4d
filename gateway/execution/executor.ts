import {
  execute as executeSchema,
  getVariableValues,
  GraphQLError,
  Kind,
  type DocumentNode,
  type ExecutionResult,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type OperationDefinitionNode,
} from 'graphql';
import type { QueryPlan } from '@apollo/query-planner';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { mapIterator } from '../../kernel/streams/map-iterator.js';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import { SubscriptionRefused } from '../transports/subscription-refused.js';
import type { SubgraphResponse, Transport } from '../transports/transport.js';
import { compilePlan, type CompiledPlan, type FetchStep } from './compile-plan.js';
import { createPossibleTypes } from './possible-types.js';
import { createProblems } from './problems.js';
import { createSelectionShape, findConditionVariables, type SelectionShape } from './response-shape.js';
import { mergeRootFields, pickVariables, runPlan, type PlanRun } from './run-plan.js';
import { shapeResponse } from './shape-response.js';
import { selectIntrospection } from './select-introspection.js';
import { describeReported, describeUnreached, toUpstreamError } from './upstream-error.js';

/** An operation with all that is the same for each request of it. */
export interface PreparedOperation {
  readonly definition: OperationDefinitionNode;
  readonly rootType: GraphQLObjectType;
  readonly plan: CompiledPlan;
  /** The shape of the response, which depends on the variables that decide `@skip` and `@include`. */
  shapeFor(variables: Readonly<Record<string, unknown>>): SelectionShape;
  /** Root fields that this gateway answers itself, as an operation of their own; undefined when there are none. */
  readonly introspection: DocumentNode | undefined;
}

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
}

/** How many shapes of one operation are kept: each condition variable doubles them. */
const MAX_SHAPES = 32;

export function createExecutor({ snapshot, transportFor }: ExecutorOptions): Executor {
  const { apiSchema } = snapshot;
  const possibleTypes = createPossibleTypes(snapshot.supergraph.schema.toGraphQLJSSchema());

  function coerce({ definition }: PreparedOperation, variables: Readonly<Record<string, unknown>>) {
    return getVariableValues(apiSchema, definition.variableDefinitions ?? [], variables, { maxErrors: 20 });
  }

  function begin(
    variables: Readonly<Record<string, unknown>>,
    { context, signal }: ExecutionRequest,
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
      introspection: introspect(operation, run.variables),
    });
    return errors.length > 0 ? { data, errors } : { data };
  }

  function introspect({ introspection }: PreparedOperation, variableValues: PlanRun['variables']) {
    if (!introspection) return {};
    const result = executeSchema({ schema: apiSchema, document: introspection, variableValues });
    return result instanceof Promise ? {} : (result.data ?? {});
  }

  async function completeEvent(
    event: SubgraphResponse,
    { operation, source, run }: { operation: PreparedOperation; source: FetchStep; run: PlanRun },
  ): Promise<ExecutionResult> {
    mergeRootFields(source, event, run);
    await runPlan(operation.plan.root, run);
    return finish(operation, run);
  }

  return {
    prepare: (document, operationName, plan) => prepare(document, operationName, { plan, snapshot }),
    async execute(operation, request) {
      const { coerced, errors } = coerce(operation, request.variables);
      if (errors) return { errors };
      const run = begin(coerced, request);
      await runPlan(operation.plan.root, run);
      return finish(operation, run);
    },
    async subscribe(operation, request) {
      const { source } = operation.plan;
      const { coerced, errors } = coerce(operation, request.variables);
      if (errors) return { errors };
      if (!source)
        return { errors: [new GraphQLError('expected a subscription with a field of a subgraph.')] };
      const { subgraph } = source.operation;
      const { context, signal } = request;
      const variables = pickVariables(source, coerced);
      try {
        const transport = transportFor(subgraph);
        const events = await transport.subscribe({ operation: source.operation, variables, context, signal });
        const complete = (event: SubgraphResponse) =>
          completeEvent(event, { operation, source, run: begin(coerced, request) });
        return mapIterator(explainEnd(events, subgraph), complete);
      } catch (error) {
        return { errors: explain(error, subgraph) };
      }
    },
  };
}

/** Ends a stream that failed with errors in the client's terms. */
function explainEnd(
  events: AsyncIterableIterator<SubgraphResponse>,
  subgraph: string,
): AsyncIterator<SubgraphResponse> {
  return {
    async next() {
      try {
        return await events.next();
      } catch (error) {
        throw explain(error, subgraph)[0] ?? error;
      }
    },
    return: async () => (await events.return?.()) ?? { value: undefined, done: true },
  };
}

function explain(error: unknown, subgraph: string): GraphQLError[] {
  if (error instanceof SubscriptionRefused) {
    return error.errors.map((reported) =>
      toUpstreamError(describeReported(reported, subgraph), reported.path),
    );
  }
  return [toUpstreamError(describeUnreached(error, subgraph))];
}

function prepare(
  document: DocumentNode,
  operationName: string | undefined,
  { plan, snapshot }: { plan: QueryPlan; snapshot: SupergraphSnapshot },
): PreparedOperation {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let definition: OperationDefinitionNode | undefined;
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    if (operationName === undefined || node.name?.value === operationName) definition ??= node;
  }
  if (!definition)
    throw new GraphQLError(`expected an operation named ${String(operationName)} in the document.`);
  const rootType = snapshot.apiSchema.getRootType(definition.operation);
  if (!rootType) throw new GraphQLError(`the schema has no ${definition.operation} operations.`);
  const sets = [definition.selectionSet];
  const conditionVariables = findConditionVariables([
    ...sets,
    ...[...fragments.values()].map((f) => f.selectionSet),
  ]);
  const shapes = new Map<string, SelectionShape>();
  return {
    definition,
    rootType,
    plan: compilePlan(plan),
    introspection: selectIntrospection(definition, fragments),
    shapeFor(variables) {
      const key = conditionVariables.map((name) => (variables[name] === true ? '1' : '0')).join('');
      const known = shapes.get(key);
      if (known) return known;
      const shape = createSelectionShape(sets, { schema: snapshot.apiSchema, fragments, variables });
      if (shapes.size >= MAX_SHAPES) shapes.clear();
      shapes.set(key, shape);
      return shape;
    },
  };
}

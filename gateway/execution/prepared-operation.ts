import {
  GraphQLError,
  Kind,
  print,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';
import { findDefer, labelDeferred, labelOf } from '../planning/label-deferred.js';
import { normaliseOperation } from '../planning/normalise-operation.js';
import { NO_OVERRIDES, type Overrides } from '../planning/override-labels.js';
import { isDeferred, rewriteForPlanner } from '../planning/rewrite-operation.js';
import type { CompiledPlan } from './compile-plan.js';
import type { PlanCache } from './plan-cache.js';
import { createSelectionShape, findConditionVariables, type SelectionShape } from './response-shape.js';
import { compileResponseWriter, type ResponseWriter } from './write-response.js';

/** An operation with all that is the same for each request of it. */
export interface PreparedOperation {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly rootType: GraphQLObjectType;
  /** The operation's variables that decide its conditions. */
  readonly conditionVariables: readonly string[];
  /** Values of variables that only the plan has: they stand for the operation's literals. */
  readonly literals: Readonly<Record<string, unknown>>;
  /**
   * What the operation is for some values of {@link conditionVariables}.
   *
   * @param overrides by default, no field has moved.
   * @param incremental whether deferred parts come later; by default, they are parts like any other.
   * @returns a promise only while it is being planned, so that what was planned before waits for nothing.
   * Errors: when it cannot be planned.
   */
  variantFor(
    variables: Readonly<Record<string, unknown>>,
    overrides?: Overrides,
    incremental?: boolean,
  ): OperationVariant | Promise<OperationVariant>;
  /** What {@link variantFor} was asked with for the variants that are kept. */
  askedVariants(): readonly AskedVariant[];
}

/** For which conditions a variant stands. */
export interface AskedVariant {
  /** Those of the operation that decide its conditions. */
  readonly variables: Readonly<Record<string, boolean>>;
  readonly overrides: Overrides;
  readonly incremental: boolean;
}

/** An operation whose `@skip` and `@include` are decided. */
export interface OperationVariant {
  readonly plan: CompiledPlan;
  /** The shape of its response, or of what comes first of it. */
  readonly selection: SelectionShape;
  /** What comes later; undefined when nothing does. */
  readonly deferred: DeferredParts | undefined;
  /** Writes the response when nothing is amiss in it. */
  readonly write: ResponseWriter;
}

/** The parts of a response that come later. */
export interface DeferredParts {
  /** The client's labels by those of the plan. */
  readonly labels: ReadonlyMap<string, string | undefined>;
  /** The shape of the response with all its parts in their places. */
  readonly whole: SelectionShape;
}

interface VariantRequest {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly overrides: Overrides;
  readonly incremental: boolean;
}

interface KeptVariant {
  readonly variant: OperationVariant;
  readonly asked: AskedVariant;
}

/** What an operation is prepared from. */
export interface PreparationInput {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly plans: PlanCache;
  readonly requiredObjects: ReadonlySet<string>;
  /** Told of each request whether its plan was there already. */
  readonly onPlan: (found: boolean) => void;
}

/** How many variants of one operation are kept: each condition variable doubles them. */
const MAX_VARIANTS = 32;

/** Reads a valid operation. Errors: GraphQLError when the document has no such operation. */
export function prepareOperation(input: PreparationInput): PreparedOperation {
  const { document, operationName, schema, plans, requiredObjects, onPlan } = input;
  const { definition, fragments } = findOperation(document, operationName);
  const rootType = findRootType(definition, schema);
  const labelled = labelDeferred({ definition, fragments });
  // With deferred parts, all fragments stand in their places.
  const planned = labelled
    ? { definition: labelled.definition, fragments: new Map<string, FragmentDefinitionNode>() }
    : { definition, fragments };
  const sets = [planned.definition.selectionSet];
  const declared = new Set(definition.variableDefinitions?.map(({ variable }) => variable.name.value));
  const conditionVariables = findConditionVariables([
    ...sets,
    ...[...planned.fragments.values()].map(({ selectionSet }) => selectionSet),
  ]).filter((name) => declared.has(name));
  const normalise = () => normaliseOperation({ ...planned, schema, requiredObjects });
  const { keyOf, literals, document: first } = normalise();
  /** As it is planned; only kept for as long as another variant may be asked for at any time. */
  let normalised: DocumentNode | undefined = first;
  const variants = new Map<string, KeptVariant>();
  const pending = new Map<string, Promise<OperationVariant>>();

  function keep(key: string, request: VariantRequest, plan: CompiledPlan): OperationVariant {
    const { variables, overrides, incremental } = request;
    const source = { schema, fragments: planned.fragments, variables, keyOf };
    const whole = createSelectionShape(sets, source);
    const selection = plan.hasDeferred
      ? createSelectionShape(sets, { ...source, deferralOf: (node) => findDeferral(node, variables) })
      : whole;
    const write = compileResponseWriter({ schema, rootType, selection });
    if (conditionVariables.length === 0) normalised = undefined;
    const deferred = labelled && plan.hasDeferred ? { labels: labelled.labels, whole } : undefined;
    const variant: OperationVariant = { plan, selection, write, deferred };
    if (variants.size >= MAX_VARIANTS) variants.clear();
    const asked = { variables: pickConditions(conditionVariables, variables), overrides, incremental };
    variants.set(key, { variant, asked });
    return variant;
  }

  async function keepLater(
    key: string,
    request: VariantRequest,
    plan: Promise<CompiledPlan>,
  ): Promise<OperationVariant> {
    try {
      return keep(key, request, await plan);
    } finally {
      pending.delete(key);
    }
  }

  return {
    document,
    operationName,
    definition,
    fragments,
    rootType,
    conditionVariables,
    literals,
    variantFor(variables, overrides = NO_OVERRIDES, incremental = false) {
      const defers = incremental && labelled !== undefined;
      const key = variantKey(conditionVariables, { variables, overrides, incremental: defers });
      const known = variants.get(key);
      if (known) onPlan(true);
      if (known) return known.variant;
      const waiting = pending.get(key);
      if (waiting) onPlan(false);
      if (waiting) return waiting;
      const text = print(rewriteForPlanner(normalised ?? normalise().document, variables, defers));
      const plan = plans.get({ text, overrides });
      onPlan(!(plan instanceof Promise));
      if (!(plan instanceof Promise)) return keep(key, { variables, overrides, incremental: defers }, plan);
      const variant = keepLater(key, { variables, overrides, incremental: defers }, plan);
      pending.set(key, variant);
      return variant;
    },
    askedVariants: () => [...variants.values()].map(({ asked }) => asked),
  };
}

function findRootType({ operation }: OperationDefinitionNode, schema: GraphQLSchema): GraphQLObjectType {
  const rootType = schema.getRootType(operation);
  if (rootType) return rootType;
  throw new GraphQLError(`the schema has no ${operation} operations.`);
}

/** Whatever decides how an operation is planned. */
function variantKey(names: readonly string[], { variables, overrides, incremental }: VariantRequest): string {
  let key = incremental ? 'd' : '';
  // A variable of @defer that is not there lets the part come later.
  for (const name of names) key += variables[name] === undefined ? '-' : variables[name] === true ? '1' : '0';
  for (const moved of overrides.values()) key += moved ? '1' : '0';
  return key;
}

/** The label of a fragment that comes later. */
function findDeferral(node: SelectionNode, variables: Readonly<Record<string, unknown>>): string | undefined {
  const directive = findDefer(node);
  return directive && isDeferred(directive, variables) ? labelOf(directive) : undefined;
}

function pickConditions(
  names: readonly string[],
  variables: Readonly<Record<string, unknown>>,
): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    names.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name] === true]])),
  );
}

function findOperation(document: DocumentNode, operationName: string | undefined) {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const matching: OperationDefinitionNode[] = [];
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    if (operationName === undefined || node.name?.value === operationName) matching.push(node);
  }
  const [definition, another] = matching;
  if (another) throw new GraphQLError('expected the name of one of the operations in the document.');
  if (definition) return { definition, fragments };
  throw new GraphQLError(`expected an operation named ${String(operationName)} in the document.`);
}

import type {
  DeferredNode,
  FetchDataRewrite,
  FetchNode,
  PlanNode,
  QueryPlan,
  QueryPlanSelectionNode,
} from '@apollo/query-planner';
import {
  Kind,
  OperationTypeNode,
  parse,
  type DocumentNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { SubgraphOperation } from '../transports/transport.js';
import { clientNameOf } from '../planning/rewrite-operation.js';
import { compileContexts, type ContextVariable } from './context-variables.js';
import { compileFetchPath, type FetchPath } from './fetch-path.js';
import { compileRepresentation, type RepresentationWriter } from './representations.js';
import { innermostFirst } from './rewrites.js';
import type { UpstreamCall } from './upstream-error.js';

/** One request to one subgraph, and where its answer goes. */
export interface FetchStep {
  readonly kind: 'fetch';
  readonly operation: SubgraphOperation;
  /** The variables that the subgraph's operation uses, each with the client's name for it. */
  readonly variables: readonly { readonly name: string; readonly from: string }[];
  /** What a representation of an entity holds; undefined for a fetch of root fields. */
  readonly requires: readonly QueryPlanSelectionNode[] | undefined;
  /** Makes the representations; undefined for a fetch of root fields. */
  readonly represent: RepresentationWriter | undefined;
  /** By this name deferred parts say that they depend on it. */
  readonly id: string | undefined;
  /** Whether the plan asks the same of the subgraph in another place, so that the answers may be the same. */
  readonly recurs: boolean;
  /** Whether the client's operation is a mutation: this fetch, or one that completes its response. */
  readonly mutates: boolean;
  /** The objects that the answer completes. */
  readonly path: FetchPath;
  readonly outputRewrites: readonly FetchDataRewrite[] | undefined;
  /** Variables whose values are those of objects above the entities (`@fromContext`). */
  readonly contexts: readonly ContextVariable[] | undefined;
  /** The response names that the answer brings to each of those objects. */
  readonly fields: ReadonlySet<string>;
}

/** A plan with everything read that is the same for each request. */
export type PlanStep =
  | FetchStep
  | { readonly kind: 'sequence' | 'parallel'; readonly steps: readonly PlanStep[] }
  | {
      readonly kind: 'condition';
      readonly variable: string;
      readonly whenTrue: PlanStep | undefined;
      readonly whenFalse: PlanStep | undefined;
    }
  | {
      readonly kind: 'defer';
      /** What comes first. */
      readonly primary: PlanStep | undefined;
      readonly deferred: readonly DeferredStep[];
    };

/** A part of the response that comes later. */
export interface DeferredStep {
  readonly label: string;
  /** The fetches that must have ended before it begins. */
  readonly depends: readonly string[];
  /** Undefined when there is nothing to fetch for it alone. */
  readonly step: PlanStep | undefined;
}

/** A whole plan. */
export interface CompiledPlan {
  /** Whether some fetch has variables from a context. */
  readonly hasContexts: boolean;
  /** How many steps there are of each fetch that a deferred part depends on; empty when no part is deferred. */
  readonly awaitedFetches: ReadonlyMap<string, number>;
  /** Whether parts of the response come later. */
  readonly hasDeferred: boolean;
  /** The fetch whose events a subscription yields; undefined for queries and mutations. */
  readonly source: FetchStep | undefined;
  /** What completes the response, or each event; undefined when there is nothing to fetch. */
  readonly root: PlanStep | undefined;
}

/** Reads Apollo's plan of an operation. */
export function compilePlan({ node }: QueryPlan): CompiledPlan {
  const nothing = { hasContexts: false, hasDeferred: false, awaitedFetches: new Map<string, number>() };
  if (!node) return { source: undefined, root: undefined, ...nothing };
  const rest = node.kind === 'Subscription' ? node.rest : node;
  const root = rest && markMutating(markRecurring(compileNode(rest, [])));
  const source = node.kind === 'Subscription' ? compileFetch(node.primary, []) : undefined;
  if (!root) return { source, root, ...nothing };
  const fetches = listFetches(root);
  return {
    source,
    root,
    hasContexts: fetches.some(({ contexts }) => contexts !== undefined),
    hasDeferred: root.kind === 'defer',
    awaitedFetches: countBy(fetches.flatMap(({ id }) => id ?? [])),
  };
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** All fetches of a plan, those of parts that come later among them. */
export function listFetches(root: PlanStep): readonly FetchStep[] {
  const fetches: FetchStep[] = [];
  mapFetches(root, (step) => {
    fetches.push(step);
    return step;
  });
  return fetches;
}

/** Notes which fetches ask the same: by their texts, since their variables are known only when they are sent. */
function markRecurring(root: PlanStep): PlanStep {
  const keyOf = ({ operation }: FetchStep) => `${operation.subgraph} ${operation.unnamedText}`;
  const counts = countBy(listFetches(root).map(keyOf));
  return mapFetches(root, (step) =>
    step.operation.kind === OperationTypeNode.QUERY && (counts.get(keyOf(step)) ?? 0) > 1
      ? { ...step, recurs: true }
      : step,
  );
}

/** Notes in each fetch whether one of them is a mutation. */
function markMutating(root: PlanStep): PlanStep {
  const mutates = listFetches(root).some(({ operation }) => operation.kind === OperationTypeNode.MUTATION);
  return mutates ? mapFetches(root, (step) => ({ ...step, mutates })) : root;
}

function mapFetches(step: PlanStep, change: (step: FetchStep) => FetchStep): PlanStep {
  switch (step.kind) {
    case 'fetch':
      return change(step);
    case 'condition':
      return {
        ...step,
        whenTrue: step.whenTrue && mapFetches(step.whenTrue, change),
        whenFalse: step.whenFalse && mapFetches(step.whenFalse, change),
      };
    case 'sequence':
    case 'parallel':
      return { ...step, steps: step.steps.map((child) => mapFetches(child, change)) };
    case 'defer':
      return {
        ...step,
        primary: step.primary && mapFetches(step.primary, change),
        deferred: step.deferred.map((part) => ({
          ...part,
          step: part.step && mapFetches(part.step, change),
        })),
      };
  }
}

/** Which fetch it is, for those who tell what went wrong with it. */
export function callOf({ operation: { subgraph, kind }, mutates }: FetchStep): UpstreamCall {
  return { subgraph, kind, mutates };
}

/** The planner names a fetch by its operation and its place in the plan. */
function removeName({ operation, operationName, operationKind }: FetchNode): string {
  const named = `${operationKind} ${operationName ?? ''}`;
  return operationName !== undefined && operation.startsWith(named)
    ? `${operationKind} ${operation.slice(named.length)}`
    : operation;
}

function compileNode(node: PlanNode, path: readonly (string | number)[]): PlanStep {
  switch (node.kind) {
    case 'Fetch':
      return compileFetch(node, path);
    case 'Flatten':
      return compileNode(node.node, [...path, ...node.path]);
    case 'Sequence':
    case 'Parallel': {
      const steps = node.nodes.map((child) => compileNode(child, path));
      return { kind: node.kind === 'Sequence' ? 'sequence' : 'parallel', steps };
    }
    case 'Condition':
      return {
        kind: 'condition',
        variable: clientNameOf(node.condition),
        whenTrue: node.ifClause && compileNode(node.ifClause, path),
        whenFalse: node.elseClause && compileNode(node.elseClause, path),
      };
    case 'Defer':
      return {
        kind: 'defer',
        primary: node.primary.node && compileNode(node.primary.node, path),
        deferred: node.deferred.map((part) => compileDeferred(part, path)),
      };
  }
}

function compileDeferred(part: DeferredNode, path: readonly (string | number)[]): DeferredStep {
  const step = part.node && compileNode(part.node, path);
  // Now and then the planner has a part depend on a fetch of its own, for which it would wait for ever.
  const own = new Set(step && listFetches(step).map(({ id }) => id));
  const depends = part.depends.map(({ id }) => id).filter((id) => !own.has(id));
  return { label: part.label ?? '', depends, step };
}

function compileFetch(node: FetchNode, path: readonly (string | number)[]): FetchStep {
  const contexts = node.contextRewrites?.length ? compileContexts(node.contextRewrites) : undefined;
  // Left out, an argument that a context should fill would silently be null.
  if (contexts && !node.requires?.length)
    throw new Error('a plan with arguments from a context was made for fields of no entity');
  const requires = node.requires && node.requires.length > 0 ? node.requires : undefined;
  return {
    kind: 'fetch',
    operation: readOperation(node),
    variables: (node.variableUsages ?? []).map((name) => ({ name, from: clientNameOf(name) })),
    requires,
    represent: requires && compileRepresentation(requires, node.inputRewrites),
    id: node.id,
    recurs: false,
    mutates: false,
    path: compileFetchPath(path),
    outputRewrites: innermostFirst(node.outputRewrites),
    contexts,
    // Few transports ask for the document: it is not kept for the others.
    fields: collectFields(parse(node.operation, { noLocation: true }), node),
  };
}

function readOperation(node: FetchNode): SubgraphOperation {
  const text = node.operation;
  let document: DocumentNode | undefined;
  return {
    subgraph: node.serviceName,
    kind: node.operationKind,
    name: node.operationName,
    text,
    unnamedText: removeName(node),
    get document() {
      return (document ??= parse(text, { noLocation: true }));
    },
  };
}

/** The response names that a fetch brings to the objects at its path, under the names they have after the rewrites. */
function collectFields(document: DocumentNode, node: FetchNode): ReadonlySet<string> {
  const fragments = new Map<string, SelectionSetNode>();
  const roots: SelectionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition.selectionSet);
    if (definition.kind === Kind.OPERATION_DEFINITION) roots.push(...definition.selectionSet.selections);
  }
  const names = new Set<string>();

  function add(selections: readonly SelectionNode[]): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) names.add((selection.alias ?? selection.name).value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) add(selection.selectionSet.selections);
      else add(fragments.get(selection.name.value)?.selections ?? []);
    }
  }

  if (node.requires) {
    for (const root of roots) if (root.kind === Kind.FIELD) add(root.selectionSet?.selections ?? []);
  } else {
    add(roots);
  }
  for (const rewrite of node.outputRewrites ?? []) {
    if (rewrite.kind === 'KeyRenamer') names.add(rewrite.renameKeyTo);
  }
  return names;
}

import type { FetchNode, PlanNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import {
  Kind,
  parse,
  print,
  stripIgnoredCharacters,
  visit,
  type DefinitionNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql';
import type { HoistedSupergraph } from './hoist-required-arguments.js';
import { selectDocument } from './select-document.js';

/**
 * Gives the fields of a plan that stand for others with arguments these arguments back.
 *
 * In the representations they have their own names again. A representation holds one value under one name: a fetch of
 * fields that require a field with different arguments becomes several, which run side by side.
 */
export function restoreRequiredArguments({ kind, node }: QueryPlan, hoisted: HoistedSupergraph): QueryPlan {
  if (!node) return { kind };
  if (node.kind !== 'Subscription') return { kind, node: restoreNode(node, hoisted) };
  const primary = restoreOperation(node.primary, hoisted);
  return { kind, node: { ...node, primary, ...(node.rest && { rest: restoreNode(node.rest, hoisted) }) } };
}

function restoreNode(node: PlanNode, hoisted: HoistedSupergraph): PlanNode {
  switch (node.kind) {
    case 'Fetch':
      return restoreFetch(node, hoisted);
    case 'Flatten':
      return { ...node, node: restoreNode(node.node, hoisted) };
    case 'Sequence':
    case 'Parallel':
      return { ...node, nodes: node.nodes.map((child) => restoreNode(child, hoisted)) };
    case 'Condition':
      return {
        ...node,
        ...(node.ifClause && { ifClause: restoreNode(node.ifClause, hoisted) }),
        ...(node.elseClause && { elseClause: restoreNode(node.elseClause, hoisted) }),
      };
    case 'Defer':
      return {
        ...node,
        primary: {
          ...node.primary,
          ...(node.primary.node && { node: restoreNode(node.primary.node, hoisted) }),
        },
        deferred: node.deferred.map((part) => ({
          ...part,
          ...(part.node && { node: restoreNode(part.node, hoisted) }),
        })),
      };
  }
}

function restoreFetch(node: FetchNode, hoisted: HoistedSupergraph): PlanNode {
  const { requires } = node;
  if (!requires) return restoreOperation(node, hoisted);
  const contested = findContested(requires, hoisted);
  if (contested.size === 0) {
    return restoreOperation({ ...node, requires: renameRequires(requires, hoisted, () => true) }, hoisted);
  }
  const whole = readEntityFetch(node);
  const all = listEntityFields(whole.selections, whole.fragments);
  const nodes = groupFields(all, { hoisted, contested, subgraph: node.serviceName }).map(
    ({ fields, wanted }) => {
      const kept = (path: string, name: string) => !contested.has(path) || wanted.get(path) === name;
      const part = { ...node, requires: renameRequires(requires, hoisted, kept) };
      return restoreOperation(selectFields(part, whole, fields), hoisted);
    },
  );
  return { kind: 'Parallel', nodes };
}

/** The paths of representations under which more than one value is asked for. */
function findContested(
  requires: readonly QueryPlanSelectionNode[],
  { synthetics }: HoistedSupergraph,
): ReadonlySet<string> {
  const names = new Map<string, string>();
  const contested = new Set<string>();

  function read(selections: readonly QueryPlanSelectionNode[], parent: string): void {
    for (const selection of selections) {
      if (selection.kind === 'InlineFragment') {
        read(selection.selections, parent);
        continue;
      }
      const { name } = selection;
      const path = `${parent}.${synthetics.get(name)?.base ?? name}`;
      if ((names.get(path) ?? name) !== name) contested.add(path);
      names.set(path, name);
      read(selection.selections ?? [], path);
    }
  }

  read(requires, '');
  return contested;
}

/**
 * Writes the fields' own names beside the names of their values.
 *
 * @param kept whether the value of a field is sent at a path.
 */
function renameRequires(
  requires: readonly QueryPlanSelectionNode[],
  { synthetics }: HoistedSupergraph,
  kept: (path: string, name: string) => boolean,
): QueryPlanSelectionNode[] {
  function rename(selections: readonly QueryPlanSelectionNode[], parent: string): QueryPlanSelectionNode[] {
    return selections.flatMap((selection): QueryPlanSelectionNode[] => {
      if (selection.kind === 'InlineFragment') {
        const inner = rename(selection.selections, parent);
        return inner.length > 0 ? [{ ...selection, selections: inner }] : [];
      }
      const { name } = selection;
      const alias = synthetics.get(name)?.base;
      const path = `${parent}.${alias ?? name}`;
      if (!kept(path, name)) return [];
      const inner = selection.selections && rename(selection.selections, path);
      if (inner?.length === 0) return [];
      return [{ ...selection, ...(alias !== undefined && { alias }), ...(inner && { selections: inner }) }];
    });
  }
  return rename(requires, '');
}

/** What decides which fields cannot share a representation. */
interface Contest {
  readonly hoisted: HoistedSupergraph;
  readonly contested: ReadonlySet<string>;
  readonly subgraph: string;
}

/** Fields of entities that can be asked for with one representation of each entity. */
interface FieldGroup {
  readonly fields: Set<FieldNode>;
  /** What is sent at contested paths. */
  readonly wanted: Map<string, string>;
}

function groupFields(
  all: ReturnType<typeof listEntityFields>,
  { hoisted, contested, subgraph }: Contest,
): readonly FieldGroup[] {
  const groups: FieldGroup[] = [];
  for (const { type, field } of all) {
    const needs = hoisted.requirementsOf(subgraph, type, field.name.value) ?? [];
    const wanted = [...needs].filter(([path]) => contested.has(path));
    const fits = (one: FieldGroup) => wanted.every(([path, name]) => (one.wanted.get(path) ?? name) === name);
    const group = groups.find(fits) ?? { fields: new Set(), wanted: new Map<string, string>() };
    if (!groups.includes(group)) groups.push(group);
    group.fields.add(field);
    for (const [path, name] of wanted) group.wanted.set(path, name);
  }
  return groups;
}

/** The fields that a fetch asks of entities, each with the type whose entities it asks. */
function listEntityFields(
  selections: readonly SelectionNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  type = '',
): readonly { readonly type: string; readonly field: FieldNode }[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [{ type, field: selection }];
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
    const condition = fragment?.typeCondition?.name.value ?? type;
    return listEntityFields(fragment?.selectionSet.selections ?? [], fragments, condition);
  });
}

/** The part of a selection that has certain fields. */
function pickFields(
  selections: readonly SelectionNode[],
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  fields: ReadonlySet<FieldNode>,
): SelectionNode[] {
  return selections.flatMap((selection): SelectionNode[] => {
    if (selection.kind === Kind.FIELD) return fields.has(selection) ? [selection] : [];
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
    const picked = pickFields(fragment?.selectionSet.selections ?? [], fragments, fields);
    if (!fragment || picked.length === 0) return [];
    const { typeCondition, directives } = fragment;
    const selectionSet = { kind: Kind.SELECTION_SET, selections: picked } as const;
    return [
      {
        kind: Kind.INLINE_FRAGMENT,
        selectionSet,
        ...(typeCondition && { typeCondition }),
        ...(directives && { directives }),
      },
    ];
  });
}

/** The operation of a fetch of entities, taken apart. */
function readEntityFetch({ operation }: FetchNode) {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let definition: OperationDefinitionNode | undefined;
  for (const node of parse(operation, { noLocation: true }).definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
    if (node.kind === Kind.OPERATION_DEFINITION) definition = node;
  }
  const root = definition?.selectionSet.selections[0];
  if (!definition || root?.kind !== Kind.FIELD) throw new Error('expected a fetch of entities in the plan');
  return { definition, fragments, root, selections: root.selectionSet?.selections ?? [] };
}

/** A fetch of entities for some of its fields, with the variables and the fragments that these use. */
function selectFields(
  node: FetchNode,
  { definition, fragments, root, selections }: ReturnType<typeof readEntityFetch>,
  fields: ReadonlySet<FieldNode>,
): FetchNode {
  const picked = { kind: Kind.SELECTION_SET, selections: pickFields(selections, fragments, fields) } as const;
  const selectionSet = {
    kind: Kind.SELECTION_SET,
    selections: [{ ...root, selectionSet: picked }],
  } as const;
  const document = selectDocument({ definition: { ...definition, selectionSet }, fragments });
  const used = new Set<string>();
  visit(
    { ...document, definitions: document.definitions.map(withoutDeclarations) },
    {
      [Kind.VARIABLE]: ({ name }) => void used.add(name.value),
    },
  );
  const declared = visit(document, {
    [Kind.VARIABLE_DEFINITION]: ({ variable }) => (used.has(variable.name.value) ? undefined : null),
  });
  const variableUsages = node.variableUsages?.filter((name) => used.has(name));
  return { ...node, operation: print(declared), ...(variableUsages && { variableUsages }) };
}

function withoutDeclarations(node: DefinitionNode): DefinitionNode {
  return node.kind === Kind.OPERATION_DEFINITION ? { ...node, variableDefinitions: [] } : node;
}

/** The fetch with the arguments written into its operation. */
function restoreOperation(node: FetchNode, { synthetics }: HoistedSupergraph): FetchNode {
  const { operationDocumentNode: _stale, ...rest } = node;
  const document = visit(parse(node.operation, { noLocation: true }), {
    [Kind.FIELD]: (field) => {
      const synthetic = synthetics.get(field.name.value);
      if (!synthetic) return undefined;
      const name = { kind: Kind.NAME, value: synthetic.base } as const;
      return { ...field, alias: field.alias ?? field.name, name, arguments: synthetic.arguments };
    },
  });
  return { ...rest, operation: stripIgnoredCharacters(print(document)) };
}

import {
  Kind,
  visit,
  type ASTNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type SelectionNode,
  type SelectionSetNode,
  type VariableNode,
} from 'graphql';

/** The variable by which a fetch of entities gets them; the planner gives it this name in every such fetch. */
const RESERVED = 'representations';
const REPLACEMENT = 'representations__of_client';

const TYPENAME: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } };

/**
 * Rewrites an operation into one that means the same for some variables and that Apollo's planner plans rightly.
 *
 * - `@skip` and `@include` are decided: what they leave out is gone. The planner would plan for either outcome at once,
 *   and wrongly: an object whose fields are all left out is not fetched at all and becomes null, and the fields that one
 *   left-out field requires are left out for all others that are fetched with it, which then are null as well.
 * - `@defer` is decided as well: it stays, without its condition, where a part is to come later.
 * - A client's variable of the name that the planner uses itself gets another one; see {@link clientNameOf}.
 *
 * @param incremental whether the client takes parts of the response later.
 */
export function rewriteForPlanner(
  document: DocumentNode,
  variables: Readonly<Record<string, unknown>>,
  incremental = false,
): DocumentNode {
  const decide = <Node extends SelectionNode>(node: Node): Node | null | undefined => {
    const decided =
      node.directives?.filter((directive) => isCondition(directive) || isDefer(directive)) ?? [];
    if (decided.length === 0) return undefined;
    if (!decided.every((directive) => isDefer(directive) || holds(directive, variables))) return null;
    const others = node.directives?.filter((directive) => !decided.includes(directive)) ?? [];
    const deferral = decided.filter(
      (directive) => incremental && isDefer(directive) && isDeferred(directive, variables),
    );
    return { ...node, directives: [...others, ...deferral.map(withoutCondition)] };
  };
  return visit(document, {
    [Kind.FIELD]: { enter: decide },
    [Kind.INLINE_FRAGMENT]: { enter: decide },
    [Kind.FRAGMENT_SPREAD]: { enter: decide },
    [Kind.SELECTION_SET]: {
      leave: (node: SelectionSetNode): SelectionSetNode | undefined =>
        node.selections.length === 0 ? { ...node, selections: [TYPENAME] } : undefined,
    },
    [Kind.VARIABLE]: (node: VariableNode): ASTNode | undefined =>
      node.name.value === RESERVED ? { ...node, name: { ...node.name, value: REPLACEMENT } } : undefined,
  });
}

/** The name that the client gave a variable of a plan. */
export function clientNameOf(variable: string): string {
  return variable === REPLACEMENT ? RESERVED : variable;
}

/** Whether a part with `@defer` comes later. */
export function isDeferred(directive: DirectiveNode, variables: Readonly<Record<string, unknown>>): boolean {
  const condition = directive.arguments?.find(({ name }) => name.value === 'if')?.value;
  if (condition?.kind === Kind.VARIABLE) return variables[condition.name.value] !== false;
  return condition?.kind !== Kind.BOOLEAN || condition.value;
}

function isDefer({ name }: DirectiveNode): boolean {
  return name.value === 'defer';
}

function withoutCondition(directive: DirectiveNode): DirectiveNode {
  return { ...directive, arguments: (directive.arguments ?? []).filter(({ name }) => name.value !== 'if') };
}

function isCondition({ name }: DirectiveNode): boolean {
  return name.value === 'skip' || name.value === 'include';
}

function holds(
  { name, arguments: [condition] = [] }: DirectiveNode,
  variables: Readonly<Record<string, unknown>>,
): boolean {
  const value = condition?.value;
  const given =
    value?.kind === Kind.VARIABLE
      ? variables[value.name.value] === true
      : value?.kind === Kind.BOOLEAN && value.value;
  return given === (name.value === 'include');
}

import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  visit,
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type InlineFragmentNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** An operation in which each deferred part can be told from all others. */
export interface LabelledOperation {
  /** With its fragments in their places: one that is spread twice is deferred twice. */
  readonly definition: OperationDefinitionNode;
  /** The client's labels, by those in {@link definition}; undefined for a part that the client did not label. */
  readonly labels: ReadonlyMap<string, string | undefined>;
}

/** One operation of a valid document. */
interface ClientOperation {
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

const LABEL_PREFIX = 'aegis_deferred_';

/** The directive `@defer` of a fragment, if it has one. */
export function findDefer(node: SelectionNode): DirectiveNode | undefined {
  return node.kind === Kind.FIELD
    ? undefined
    : node.directives?.find((directive) => directive.name.value === 'defer');
}

/** The label of a directive that {@link labelDeferred} has labelled. */
export function labelOf(directive: DirectiveNode): string {
  const label = directive.arguments?.find(({ name }) => name.value === 'label')?.value;
  return label?.kind === Kind.STRING ? label.value : '';
}

/** Labels the deferred parts of an operation; undefined when it has none, as nearly all. Errors: GraphQLError. */
export function labelDeferred(operation: ClientOperation): LabelledOperation | undefined {
  const { definition, fragments } = operation;
  const document = { kind: Kind.DOCUMENT, definitions: [definition, ...fragments.values()] } as const;
  if (!hasDefer(document)) return undefined;
  checkLabels(document);
  checkPlaces(operation);
  const labels = new Map<string, string | undefined>();

  function labelDirective(directive: DirectiveNode): DirectiveNode {
    if (directive.name.value !== 'defer') return directive;
    const label = `${LABEL_PREFIX}${labels.size}`;
    labels.set(label, labelOf(directive) || undefined);
    const others = directive.arguments?.filter(({ name }) => name.value !== 'label') ?? [];
    const argument = {
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: 'label' },
      value: { kind: Kind.STRING, value: label },
    } as const;
    return { ...directive, arguments: [argument, ...others] };
  }

  function spread(node: SelectionNode): SelectionNode {
    if (node.kind === Kind.FIELD) {
      return node.selectionSet ? { ...node, selectionSet: spreadAll(node.selectionSet) } : node;
    }
    const directives = node.directives?.map(labelDirective) ?? [];
    const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value);
    if (!fragment) throw new GraphQLError('expected fragments that the document has.');
    const { typeCondition } = fragment;
    const selectionSet = spreadAll(fragment.selectionSet);
    const inline: InlineFragmentNode = { kind: Kind.INLINE_FRAGMENT, selectionSet, directives };
    return typeCondition ? { ...inline, typeCondition } : inline;
  }

  function spreadAll(set: SelectionSetNode): SelectionSetNode {
    return { ...set, selections: set.selections.map(spread) };
  }

  return { definition: { ...definition, selectionSet: spreadAll(definition.selectionSet) }, labels };
}

function hasDefer(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    [Kind.DIRECTIVE]: ({ name }) => {
      found ||= name.value === 'defer';
    },
  });
  return found;
}

/** Source: GraphQL incremental delivery, "Defer And Stream Directive Labels Are Unique". */
function checkLabels(document: DocumentNode): void {
  const seen = new Set<string>();
  visit(document, {
    [Kind.DIRECTIVE]: (directive) => {
      if (directive.name.value !== 'defer') return;
      const argument = directive.arguments?.find(({ name }) => name.value === 'label');
      if (!argument) return;
      if (argument.value.kind !== Kind.STRING) {
        throw new GraphQLError('expected the label of @defer to be a string that the document holds.', {
          nodes: directive,
        });
      }
      if (seen.has(argument.value.value)) {
        throw new GraphQLError(
          `expected labels of @defer that differ, got "${argument.value.value}" twice.`,
          {
            nodes: directive,
          },
        );
      }
      seen.add(argument.value.value);
    },
  });
}

/** Source: GraphQL incremental delivery, "Defer And Stream Directives Are Used On Valid Root Field" and "… Operations". */
function checkPlaces({ definition, fragments }: ClientOperation): void {
  const { operation } = definition;
  if (operation === OperationTypeNode.QUERY) return;

  function check(set: SelectionSetNode, isRoot: boolean): void {
    for (const node of set.selections) {
      const deferred = findDefer(node);
      if (deferred && (isRoot || operation === OperationTypeNode.SUBSCRIPTION) && !isSwitchedOff(deferred)) {
        const where =
          operation === OperationTypeNode.SUBSCRIPTION ? 'a subscription' : 'the root of a mutation';
        throw new GraphQLError(`@defer is not supported in ${where}: take it away, or say if: false.`, {
          nodes: deferred,
        });
      }
      const inner = node.kind === Kind.FRAGMENT_SPREAD ? fragments.get(node.name.value) : node;
      if (inner?.selectionSet) check(inner.selectionSet, isRoot && node.kind !== Kind.FIELD);
    }
  }

  check(definition.selectionSet, true);
}

/** By a variable it may be switched on: then it is ignored. */
function isSwitchedOff(directive: DirectiveNode): boolean {
  const condition = directive.arguments?.find(({ name }) => name.value === 'if')?.value;
  return condition?.kind === Kind.VARIABLE || (condition?.kind === Kind.BOOLEAN && !condition.value);
}

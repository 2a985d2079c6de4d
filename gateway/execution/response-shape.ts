import {
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  getDirectiveValues,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/**
 * The type of an object of the response. It is an interface's when no subgraph had to say which object type it is: one
 * that knows the interface as one object type (`@interfaceObject`) answers the fields that all of them have.
 */
export type ResponseType = GraphQLObjectType | GraphQLInterfaceType;

/** A field that the client asked for on one type, however many times it wrote it. */
export interface FieldShape {
  readonly responseName: string;
  /** What its value is called while the plan runs. */
  readonly key: string;
  readonly name: string;
  /** As the client wrote it. */
  readonly nodes: readonly FieldNode[];
  /** The type that has the field. */
  readonly parentType: ResponseType;
  readonly type: GraphQLOutputType;
  /** What is selected inside it; undefined for leaves. */
  readonly selection: SelectionShape | undefined;
}

/** What the client selected at one place, with all fragments resolved for each type that may stand there. */
export interface SelectionShape {
  /** Without those of deferred parts. */
  fieldsOf(type: ResponseType): readonly FieldShape[];
  /** The parts that come later. */
  deferredOf(type: ResponseType): readonly DeferredShape[];
}

/** A fragment that the client lets come later. */
export interface DeferredShape {
  /** Tells it from all others of its operation. */
  readonly label: string;
  readonly selection: SelectionShape;
}

/** The fields that every schema has without declaring them. */
const META_FIELDS = new Map(
  [TypeNameMetaFieldDef, SchemaMetaFieldDef, TypeMetaFieldDef].map((field) => [field.name, field]),
);

/** What a selection is resolved with. */
export interface ShapeSource {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The values that `@skip` and `@include` are decided by. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** What the value of a field is called while the plan runs: the names that the plan was made with. */
  readonly keyOf: (field: FieldNode) => string;
  /** The label of a fragment that comes later, and is no part of the fields beside it; none does by default. */
  readonly deferralOf?: (fragment: SelectionNode) => string | undefined;
}

/** What a selection comes to for one type. */
interface ResolvedSelection {
  readonly fields: readonly FieldShape[];
  readonly deferred: readonly DeferredShape[];
}

/** Selections as they are found: the nodes of each response name, and the parts that come later. */
interface Collected {
  readonly nodesByName: Map<string, FieldNode[]>;
  readonly deferred: Map<string, SelectionSetNode>;
}

/**
 * Resolves a selection set: fragments spread, conditions decided, fields of one response name merged.
 *
 * Source: GraphQL specification, September 2025, §6.3.2 CollectFields and §6.4.3 MergeSelectionSets.
 */
export function createSelectionShape(sets: readonly SelectionSetNode[], source: ShapeSource): SelectionShape {
  const byType = new Map<ResponseType, ResolvedSelection>();

  function resolve(type: ResponseType): ResolvedSelection {
    const known = byType.get(type);
    if (known) return known;
    const collected: Collected = { nodesByName: new Map(), deferred: new Map() };
    for (const set of sets) collectFields(set, type, source, collected);
    const deferred = [...collected.deferred].map(([label, set]) => ({
      label,
      selection: createSelectionShape([set], source),
    }));
    const resolved = { fields: toFields(collected, type, source), deferred };
    byType.set(type, resolved);
    return resolved;
  }

  return {
    fieldsOf: (type) => resolve(type).fields,
    deferredOf: (type) => resolve(type).deferred,
  };
}

function toFields(
  { nodesByName }: Collected,
  type: ResponseType,
  source: ShapeSource,
): readonly FieldShape[] {
  const fields = [...nodesByName].flatMap(([responseName, nodes]) => {
    const [first] = nodes;
    if (!first) return [];
    const name = first.name.value;
    const field = type.getFields()[name] ?? META_FIELDS.get(name);
    if (!field) return [];
    const inner = trim(nodes.flatMap((node) => node.selectionSet ?? []));
    const selection = inner.length > 0 ? createSelectionShape(inner, source) : undefined;
    const key = source.keyOf(first);
    return [{ responseName, key, name, nodes, parentType: type, type: field.type, selection }];
  });
  return trim(fields);
}

/** A list that is kept: one that has grown item by item holds room for 17, and most have one or two. */
function trim<T>(list: readonly T[]): readonly T[] {
  return list.slice();
}

function collectFields(
  set: SelectionSetNode,
  type: ResponseType,
  source: ShapeSource,
  collected: Collected,
): void {
  const { nodesByName, deferred } = collected;
  for (const selection of set.selections) {
    if (!isIncluded(selection, source.variables)) continue;
    if (selection.kind === Kind.FIELD) {
      const responseName = (selection.alias ?? selection.name).value;
      const before = nodesByName.get(responseName);
      nodesByName.set(responseName, before ? before.concat(selection) : [selection]);
      continue;
    }
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : source.fragments.get(selection.name.value);
    if (!fragment || !meetsCondition(type, fragment.typeCondition?.name.value, source.schema)) continue;
    const label = source.deferralOf?.(selection);
    if (label === undefined) collectFields(fragment.selectionSet, type, source, collected);
    else deferred.set(label, fragment.selectionSet);
  }
}

function isIncluded(node: SelectionNode, variables: Readonly<Record<string, unknown>>): boolean {
  if (getDirectiveValues(GraphQLSkipDirective, node, variables)?.['if'] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, node, variables)?.['if'] !== false;
}

function meetsCondition(type: ResponseType, condition: string | undefined, schema: GraphQLSchema): boolean {
  if (condition === undefined || condition === type.name) return true;
  const conditionType = schema.getType(condition);
  return isAbstractType(conditionType) && schema.isSubType(conditionType, type);
}

/** The type that a value of a composite type has, by what the value says of itself; undefined when it may not be there. */
export function resolveType(
  declared: GraphQLCompositeType,
  typename: unknown,
  schema: GraphQLSchema,
): ResponseType | undefined {
  if (isObjectType(declared)) return declared;
  if (typename === undefined) return isInterfaceType(declared) ? declared : undefined;
  const type = typeof typename === 'string' ? schema.getType(typename) : undefined;
  if (!isObjectType(type) && !isInterfaceType(type)) return undefined;
  return type === declared || schema.isSubType(declared, type) ? type : undefined;
}

const CONDITIONAL = new Set(['skip', 'include', 'defer']);

/**
 * The names of the variables that decide `@skip`, `@include` and `@defer` in an operation, so that shapes can be kept by
 * their values.
 */
export function findConditionVariables(sets: readonly SelectionSetNode[]): readonly string[] {
  const names = new Set<string>();

  function visit(set: SelectionSetNode): void {
    for (const selection of set.selections) {
      for (const directive of selection.directives ?? []) {
        if (!CONDITIONAL.has(directive.name.value)) continue;
        const condition = directive.arguments?.find(({ name }) => name.value === 'if')?.value;
        if (condition?.kind === Kind.VARIABLE) names.add(condition.name.value);
      }
      if (selection.kind !== Kind.FRAGMENT_SPREAD && selection.selectionSet) visit(selection.selectionSet);
    }
  }

  for (const set of sets) visit(set);
  return [...names].sort();
}

import {
  defaultFieldResolver,
  getNamedType,
  getOperationAST,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type InlineFragmentNode,
  type SelectionSetNode,
} from 'graphql';

/** Makes the data of a response from a root value; undefined when it takes graphql-js to say what comes of it. */
export type Projection = (rootValue: unknown) => Record<string, unknown> | undefined;

/** Reads one value of the response; undefined when it is not as plain as it should be. */
type ReadValue = (value: unknown) => unknown;

/** What a projection is compiled from. */
interface Source {
  readonly document: DocumentNode;
  readonly root: GraphQLObjectType;
}

interface ProjectedField {
  readonly responseName: string;
  readonly read: ReadValue;
}

/**
 * Compiles an operation whose every field is plain: a property of the object before it, or what a resolver makes of that
 * object alone. Such an operation asks nobody anything, and its data are a copy of what is there: for streams of many small
 * events, graphql-js takes several times as long, most of it for arguments and promises that there are none of.
 *
 * Whatever is not plain in a value (an error, a promise, a null that may not be, a scalar that refuses) makes the projection
 * give up on it: graphql-js then executes the event, and says what is wrong in its own words.
 *
 * A resolver counts as plain when it declares its first parameter and no other.
 *
 * Source: GraphQL specification, September 2025, §6.4.3 Value Completion.
 *
 * @param document valid for the schema. Undefined when not all of the operation is plain: directives, abstract types and
 *   arguments below the root are not.
 */
export function compileProjection(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName?: string | null,
): Projection | undefined {
  const operation = getOperationAST(document, operationName);
  const type = operation && schema.getRootType(operation.operation);
  if (!type) return undefined;
  const read = compileObject(type, [operation.selectionSet], { document, root: type });
  return (
    read &&
    ((rootValue) => {
      try {
        return read(rootValue) as Record<string, unknown> | undefined;
      } catch {
        return undefined;
      }
    })
  );
}

function compileObject(
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
  source: Source,
): ReadValue | undefined {
  const collected = { nodesByName: new Map<string, FieldNode[]>(), spread: new Set<string>() };
  // A type that tells its own objects from others may find that one is none.
  if (type.isTypeOf || !sets.every((set) => collect(set, { type, ...collected, ...source })))
    return undefined;
  const fields: ProjectedField[] = [];
  for (const [responseName, nodes] of collected.nodesByName) {
    const read = compileField(type, nodes, source);
    if (!read || responseName === '__proto__') return undefined;
    fields.push({ responseName, read });
  }
  return (object) => {
    if (typeof object !== 'object' || object === null) return undefined;
    const data: Record<string, unknown> = {};
    for (const { responseName, read } of fields) {
      const value = read(object);
      if (value === undefined) return undefined;
      data[responseName] = value;
    }
    return data;
  };
}

interface Collecting extends Source {
  readonly type: GraphQLObjectType;
  readonly nodesByName: Map<string, FieldNode[]>;
  /** The fragments that were gone through: each counts once, however often it is spread. */
  readonly spread: Set<string>;
}

/** Gathers the fields of a selection; false when it has what is not plain. */
function collect({ selections }: SelectionSetNode, into: Collecting): boolean {
  return selections.every((selection) => {
    if (selection.directives?.length) return false;
    if (selection.kind !== Kind.FIELD) return collectFragment(selection, into);
    const name = (selection.alias ?? selection.name).value;
    const known = into.nodesByName.get(name);
    if (known) known.push(selection);
    else into.nodesByName.set(name, [selection]);
    return true;
  });
}

function collectFragment(node: InlineFragmentNode | FragmentSpreadNode, into: Collecting): boolean {
  if (node.kind === Kind.FRAGMENT_SPREAD) {
    if (into.spread.has(node.name.value)) return true;
    into.spread.add(node.name.value);
  }
  const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : findFragment(node, into.document);
  const condition = fragment?.typeCondition?.name.value ?? into.type.name;
  return fragment !== undefined && condition === into.type.name && collect(fragment.selectionSet, into);
}

function findFragment({ name }: FragmentSpreadNode, { definitions }: DocumentNode) {
  return definitions.find(
    (definition): definition is FragmentDefinitionNode =>
      definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name.value,
  );
}

function compileField(
  type: GraphQLObjectType,
  nodes: readonly FieldNode[],
  source: Source,
): ReadValue | undefined {
  const name = nodes[0]?.name.value ?? '';
  if (name === '__typename') return () => type.name;
  const field = type.getFields()[name];
  const resolve = field && compileResolver(field);
  // Those of the root were read when the stream was opened; a plain resolver asks for none.
  if (!resolve || (type !== source.root && nodes.some((node) => node.arguments?.length))) return undefined;
  const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
  const complete = compileValue(field.type, sets, source);
  return complete && ((object) => complete(resolve(object)));
}

/** Reads what a field has of its object; null where it has nothing. */
function compileResolver({ name, resolve }: GraphQLField<unknown, unknown>): ReadValue | undefined {
  if (!resolve || resolve === defaultFieldResolver)
    return (object) => (object as Readonly<Record<string, unknown>>)[name] ?? null;
  const ofObject = resolve as ReadValue;
  if (resolve.length !== 1) return undefined;
  return (object) => {
    const value = ofObject(object);
    // graphql-js will ask again, and tell what becomes of that promise; nobody waits for this one.
    if (isPromiseLike(value)) value.then(undefined, () => undefined);
    return value ?? null;
  };
}

/** Completes a value that is null rather than undefined where there is none. */
function compileValue(
  type: GraphQLOutputType,
  sets: readonly SelectionSetNode[],
  source: Source,
): ReadValue | undefined {
  if (isNonNullType(type)) {
    const complete = compileValue(type.ofType, sets, source);
    return complete && ((value) => complete(value) ?? undefined);
  }
  const complete = isListType(type)
    ? compileList(type.ofType, sets, source)
    : compileNamed(type, sets, source);
  return complete && ((value) => (value === null ? null : complete(value)));
}

function compileNamed(
  type: GraphQLOutputType,
  sets: readonly SelectionSetNode[],
  source: Source,
): ReadValue | undefined {
  if (isLeafType(type)) {
    return (value) => {
      // What graphql-js would call, wait for or throw is not what it would serialise.
      if (typeof value === 'function' || value instanceof Error || isPromiseLike(value)) return undefined;
      return type.serialize(value) ?? undefined;
    };
  }
  const named = getNamedType(type);
  const complete = isObjectType(named) ? compileObject(named, sets, source) : undefined;
  return (
    complete && ((value) => (value instanceof Error || isPromiseLike(value) ? undefined : complete(value)))
  );
}

function compileList(
  itemType: GraphQLOutputType,
  sets: readonly SelectionSetNode[],
  source: Source,
): ReadValue | undefined {
  const complete = compileValue(itemType, sets, source);
  return (
    complete &&
    ((value) => {
      if (!Array.isArray(value)) return undefined;
      const items: unknown[] = [];
      for (const item of value as readonly unknown[]) {
        const completed = complete(item ?? null);
        if (completed === undefined) return undefined;
        items.push(completed);
      }
      return items;
    })
  );
}

/** What graphql-js waits for: not only promises of this engine, but whatever has a `then`, such as a query of Prisma. */
function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

import {
  getDirectiveValues,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  OperationTypeNode,
  typeFromAST,
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLDirective,
  type GraphQLField,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import type { ResponseCaching } from './response-caching.js';

/** Says how long the answer to a query may be kept; undefined when it may not be. */
export type CachingOf = (document: DocumentNode) => ResponseCaching | undefined;

/** What `@cacheControl` says, in seconds. */
interface Hint {
  readonly maxAge?: number | undefined;
  readonly isPrivate?: boolean | undefined;
  readonly inherits?: boolean | undefined;
}

/** The strictest of the hints so far. */
interface Policy {
  maxAge: number;
  isPrivate: boolean;
}

/**
 * Reads the directives `@cacheControl` of a subgraph's schema as Apollo Server does: the least of all fields counts. A field
 * without a maximum age has that of the type it returns; root fields, and those that return objects, are not kept unless
 * something says how long, or `inheritMaxAge` that the parent's counts. Whatever is private makes all of it private.
 *
 * What a fragment asks for counts whether or not an object of the answer meets its condition, and of an interface what any
 * object behind it says, so each document is read once.
 *
 * Source: Apollo Server, "Server-side caching"; `@apollo/subgraph`, where an entity has the hint of its type.
 */
export function createCachingOf(schema: GraphQLSchema): CachingOf {
  const directive = schema.getDirective('cacheControl');
  if (!directive) return () => undefined;
  const known = new WeakMap<DocumentNode, { readonly caching: ResponseCaching | undefined }>();
  return (document) => {
    const found = known.get(document) ?? { caching: readDocument(document, schema, directive) };
    known.set(document, found);
    return found.caching;
  };
}

interface Reading {
  readonly schema: GraphQLSchema;
  readonly directive: GraphQLDirective;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly policy: Policy;
}

function readDocument(
  document: DocumentNode,
  schema: GraphQLSchema,
  directive: GraphQLDirective,
): ResponseCaching | undefined {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let root: SelectionSetNode | undefined;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (definition.operation === OperationTypeNode.QUERY) root = definition.selectionSet;
  }
  const type = schema.getQueryType();
  if (!root || !type) return undefined;
  const policy: Policy = { maxAge: Number.POSITIVE_INFINITY, isPrivate: false };
  readSelections(root.selections, type, { schema, directive, fragments, policy });
  const { maxAge, isPrivate } = policy;
  if (maxAge <= 0 || !Number.isFinite(maxAge)) return undefined;
  return { maxAgeMs: maxAge * 1_000, scope: isPrivate ? 'private' : 'public' };
}

function readSelections(
  selections: readonly SelectionNode[],
  parent: GraphQLCompositeType,
  reading: Reading,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      const { value: name } = selection.name;
      const field = fieldOf(parent, name);
      for (const own of fieldsOfObjects(parent, name, reading))
        restrict(reading.policy, hintOfField(own, reading));
      // `__typename` and its like say nothing of how long.
      if (field) readField(field, { parent, selections: selection.selectionSet?.selections ?? [] }, reading);
      continue;
    }
    const fragment =
      selection.kind === Kind.FRAGMENT_SPREAD ? reading.fragments.get(selection.name.value) : selection;
    const type = fragment?.typeCondition ? typeFromAST(reading.schema, fragment.typeCondition) : parent;
    if (fragment && isCompositeType(type)) readSelections(fragment.selectionSet.selections, type, reading);
  }
}

function fieldOf(parent: GraphQLCompositeType, name: string): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
}

/** The field of each type that an object behind an interface may have: Apollo Server reads that of the object. */
function fieldsOfObjects(
  parent: GraphQLCompositeType,
  name: string,
  { schema }: Reading,
): readonly GraphQLField<unknown, unknown>[] {
  if (!isInterfaceType(parent)) return [];
  return schema.getPossibleTypes(parent).flatMap((type) => type.getFields()[name] ?? []);
}

function readField(
  field: GraphQLField<unknown, unknown>,
  { parent, selections }: { parent: GraphQLCompositeType; selections: readonly SelectionNode[] },
  reading: Reading,
): void {
  const type = getNamedType(field.type);
  const isRoot = parent === reading.schema.getQueryType();
  if (isRoot && field.name === '_entities') {
    for (const entity of entityTypes(selections, reading)) {
      restrict(reading.policy, { maxAge: 0, ...hintOf(entity, reading) });
      for (const type of isInterfaceType(entity) ? reading.schema.getPossibleTypes(entity) : [])
        restrict(reading.policy, hintOf(type, reading));
    }
  } else {
    const hint = hintOfField(field, reading);
    const needsOne = isRoot || (isCompositeType(type) && hint.inherits !== true);
    restrict(reading.policy, needsOne ? { ...hint, maxAge: hint.maxAge ?? 0 } : hint);
  }
  if (isCompositeType(type)) readSelections(selections, type, reading);
}

function restrict(policy: Policy, { maxAge, isPrivate }: Hint): void {
  if (maxAge !== undefined) policy.maxAge = Math.min(policy.maxAge, maxAge);
  if (isPrivate) policy.isPrivate = true;
}

/** The types that a fetch of entities names: one fragment for each. */
function entityTypes(
  selections: readonly SelectionNode[],
  { schema, fragments }: Reading,
): GraphQLCompositeType[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [];
    const fragment =
      selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
    const type = fragment?.typeCondition && typeFromAST(schema, fragment.typeCondition);
    return isCompositeType(type) ? [type] : [];
  });
}

/** The field's own word counts, then that of the type it returns. */
function hintOfField(field: GraphQLField<unknown, unknown>, reading: Reading): Hint {
  const type = getNamedType(field.type);
  const ofType = isCompositeType(type) ? hintOf(type, reading) : {};
  const own = readHint(field.astNode, reading.directive);
  const isPrivate = own.isPrivate ?? ofType.isPrivate;
  if (own.inherits && ofType.maxAge === undefined) return { isPrivate, inherits: true };
  return { maxAge: own.maxAge ?? ofType.maxAge, isPrivate, inherits: ofType.inherits };
}

function hintOf(type: GraphQLCompositeType, { directive }: Reading): Hint {
  const nodes = [type.astNode, ...type.extensionASTNodes].map((node) => readHint(node, directive));
  return Object.assign({}, ...nodes) as Hint;
}

function readHint(node: ASTNode | null | undefined, directive: GraphQLDirective): Hint {
  if (!node || !('directives' in node)) return {};
  const values = getDirectiveValues(directive, node);
  if (!values) return {};
  const { maxAge, scope, inheritMaxAge } = values;
  return {
    ...(typeof maxAge === 'number' ? { maxAge } : {}),
    ...(scope === 'PRIVATE' || scope === 'PUBLIC' ? { isPrivate: scope === 'PRIVATE' } : {}),
    ...(inheritMaxAge === true ? { inherits: true, maxAge: undefined } : {}),
  };
}

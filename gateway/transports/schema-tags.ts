import {
  getArgumentValues,
  getDirectiveValues,
  getOperationAST,
  Kind,
  type ASTNode,
  type GraphQLDirective,
  type GraphQLSchema,
  type SelectionNode,
} from 'graphql';
import type { ResponseCaching } from './response-caching.js';
import type { SubgraphRequest } from './transport.js';

/** Says by what the answer to a request can be invalidated. */
export type TagsOf = (request: SubgraphRequest) => Pick<ResponseCaching, 'tags' | 'entityTags'>;

/**
 * Reads the directives `@cacheTag` of a subgraph's schema: on a type of entities the format may hold fields of their keys
 * (`product-{$key.id}`), on a root field its arguments (`products-{$args.category}`). A format that asks for what is not
 * there gives no tag.
 *
 * Source: Apollo Federation, `federation__cacheTag` (v2.12); Apollo Router, response caching, "invalidation by cache tag".
 */
export function createTagsOf(schema: GraphQLSchema): TagsOf {
  const directive = schema.getDirective('cacheTag') ?? schema.getDirective('federation__cacheTag');
  if (!directive) return () => ({});
  const formatsOf = new Map<string, readonly string[]>();

  function formatsOfType(name: string): readonly string[] {
    const known = formatsOf.get(name);
    if (known) return known;
    const type = schema.getType(name);
    const nodes = type ? [type.astNode, ...type.extensionASTNodes] : [];
    const formats = nodes.flatMap((node) => readFormats(node, directive as GraphQLDirective));
    if (type) formatsOf.set(name, formats);
    return formats;
  }

  function tagEntity(representation: string): readonly string[] {
    const { __typename: type, ...key } = JSON.parse(representation) as Record<string, unknown>;
    return formatsOfType(String(type)).flatMap((format) => fill(format, '$key', key));
  }

  return (request) =>
    request.representations
      ? { entityTags: request.representations.map(tagEntity) }
      : { tags: tagRoot(request, schema, directive) };
}

function tagRoot(
  { operation, variables }: SubgraphRequest,
  schema: GraphQLSchema,
  directive: GraphQLDirective,
): readonly string[] {
  const definition = getOperationAST(operation.document);
  const root = schema.getQueryType();
  if (!definition || !root) return [];
  const tagField = (selection: SelectionNode): readonly string[] => {
    if (selection.kind === Kind.INLINE_FRAGMENT) return selection.selectionSet.selections.flatMap(tagField);
    const field = selection.kind === Kind.FIELD ? root.getFields()[selection.name.value] : undefined;
    const formats = field ? readFormats(field.astNode, directive) : [];
    if (!field || formats.length === 0 || selection.kind !== Kind.FIELD) return [];
    const values = getArgumentValues(field, selection, variables);
    return formats.flatMap((format) => fill(format, '$args', values));
  };
  return definition.selectionSet.selections.flatMap(tagField);
}

function readFormats(node: ASTNode | null | undefined, directive: GraphQLDirective): readonly string[] {
  if (!node || !('directives' in node)) return [];
  return (node.directives ?? [])
    .filter(({ name }) => name.value === directive.name)
    .flatMap((own) => {
      const format: unknown = getDirectiveValues(directive, { directives: [own] })?.['format'];
      return typeof format === 'string' ? [format] : [];
    });
}

/** The format with values in place of `{$key.id}` and its like; nothing when one of them is not there. */
function fill(
  format: string,
  source: '$key' | '$args',
  values: Readonly<Record<string, unknown>>,
): readonly string[] {
  const missing: string[] = [];
  const tag = format.replace(/\{(\$\w+)((?:\.\w+)+)\}/g, (whole, from: string, path: string) => {
    const value = from === source ? findValue(values, path.slice(1).split('.')) : undefined;
    if (value === undefined) missing.push(whole);
    return value ?? '';
  });
  return missing.length === 0 ? [tag] : [];
}

function findValue(values: unknown, path: readonly string[]): string | undefined {
  let value = values;
  for (const step of path) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

import {
  Kind,
  parse,
  valueFromASTUntyped,
  type ArgumentNode,
  type ConstDirectiveNode,
  type DocumentNode,
  type TypeDefinitionNode,
} from 'graphql';

/** How long a list may be taken to be, as `@listSize` says it. */
export interface ListSize {
  readonly assumedSize: number | undefined;
  /** Arguments that say how many are asked for; a dot leads into an input object. */
  readonly slicingArguments: readonly string[];
  /** The fields of the returned object that are the lists; none when the field itself is. */
  readonly sizedFields: readonly string[];
  /** Whether exactly one of the slicing arguments must be given. */
  readonly requireOneSlicingArgument: boolean;
}

/** What a supergraph says of the cost of its parts, by schema coordinate: `Type`, `Type.field`, `Type.field(argument:)`. */
export interface CostDirectives {
  readonly weights: ReadonlyMap<string, number>;
  readonly listSizes: ReadonlyMap<string, ListSize>;
}

const NONE: CostDirectives = { weights: new Map(), listSizes: new Map() };
const COST_SPECIFICATION = /^https:\/\/specs\.apollo\.dev\/cost\/v\d/;

/** What the two directives are called in a document. */
interface Names {
  readonly cost: string;
  readonly listSize: string;
}

/**
 * Reads `@cost` and `@listSize` of a supergraph, under whichever names it has linked them: imported, renamed, or behind the
 * prefix of their specification. Directives of these names that were composed without that link count as well.
 *
 * Sources: IBM, GraphQL Cost Directives Specification, §§2–3 (ibm.github.io/graphql-specs/cost-spec.html); Apollo Federation
 * 2.9, `https://specs.apollo.dev/cost/v0.1`; Apollo core schemas, "Element names", for prefixes.
 */
export function readCostDirectives(supergraphSdl: string): CostDirectives {
  // Most have none, and their text is long.
  if (!/directive @\w*(?:cost|listSize)|specs\.apollo\.dev\/cost/i.test(supergraphSdl)) return NONE;
  const document = parse(supergraphSdl, { noLocation: true });
  const names = findNames(document);
  const found = { weights: new Map<string, number>(), listSizes: new Map<string, ListSize>() };
  for (const node of document.definitions) if (isTypeDefinition(node)) readType(node, names, found);
  return found;
}

type Found = { readonly [K in keyof CostDirectives]: Map<string, ReturnOf<CostDirectives[K]>> };
type ReturnOf<M> = M extends ReadonlyMap<string, infer V> ? V : never;

/** Anything that may carry directives. */
interface Element {
  readonly name: { readonly value: string };
  readonly directives?: readonly ConstDirectiveNode[] | undefined;
}

function readType(node: TypeDefinitionNode, names: Names, found: Found): void {
  const type = node.name.value;
  note(type, node);
  const fields = 'fields' in node ? (node.fields ?? []) : [];
  for (const field of fields) {
    const coordinate = `${type}.${field.name.value}`;
    note(coordinate, field);
    if (field.kind !== Kind.FIELD_DEFINITION) continue;
    for (const argument of field.arguments ?? []) note(`${coordinate}(${argument.name.value}:)`, argument);
  }

  function note(coordinate: string, { directives = [] }: Element): void {
    for (const directive of directives) {
      const values = argumentsOf(directive);
      if (directive.name.value === names.cost) {
        // IBM's specification writes weights as text, Apollo's as whole numbers.
        const weight = Number(values.get('weight'));
        if (Number.isFinite(weight)) found.weights.set(coordinate, weight);
      }
      if (directive.name.value === names.listSize) found.listSizes.set(coordinate, toListSize(values));
    }
  }
}

function toListSize(values: ReadonlyMap<string, unknown>): ListSize {
  const assumedSize = values.get('assumedSize');
  return {
    assumedSize: typeof assumedSize === 'number' ? assumedSize : undefined,
    slicingArguments: toTexts(values.get('slicingArguments')),
    sizedFields: toTexts(values.get('sizedFields')),
    requireOneSlicingArgument: values.get('requireOneSlicingArgument') !== false,
  };
}

function findNames(document: DocumentNode): Names {
  for (const node of document.definitions) {
    if (node.kind !== Kind.SCHEMA_DEFINITION && node.kind !== Kind.SCHEMA_EXTENSION) continue;
    for (const link of node.directives ?? []) {
      const values = argumentsOf(link);
      if (!COST_SPECIFICATION.test(String(values.get('url')))) continue;
      const prefix = values.get('as');
      return namesOfLink(typeof prefix === 'string' ? prefix : 'cost', values.get('import'));
    }
  }
  const defined = document.definitions.flatMap((node) =>
    node.kind === Kind.DIRECTIVE_DEFINITION ? [node.name.value] : [],
  );
  const find = (name: string) => defined.find((known) => known === name || known.endsWith(`__${name}`));
  return { cost: find('cost') ?? 'cost', listSize: find('listSize') ?? 'listSize' };
}

function namesOfLink(prefix: string, imports: unknown): Names {
  const imported = new Map<string, string>();
  for (const entry of Array.isArray(imports) ? (imports as unknown[]) : []) {
    const { name, as = name } = (typeof entry === 'string' ? { name: entry } : entry) as Record<
      'name' | 'as',
      unknown
    >;
    if (typeof name === 'string' && typeof as === 'string') imported.set(name.slice(1), as.slice(1));
  }
  return {
    // The directive that has the name of its specification is called by the prefix alone.
    cost: imported.get('cost') ?? prefix,
    listSize: imported.get('listSize') ?? `${prefix}__listSize`,
  };
}

function argumentsOf({
  arguments: given,
}: {
  readonly arguments?: readonly ArgumentNode[];
}): Map<string, unknown> {
  return new Map(given?.map(({ name, value }) => [name.value, valueFromASTUntyped(value)]));
}

function toTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}

function isTypeDefinition(node: DocumentNode['definitions'][number]): node is TypeDefinitionNode {
  return 'name' in node && node.kind.endsWith('TypeDefinition');
}

import type {
  ConcreteRequest,
  NormalizationSelection,
  ReaderFragment,
  ReaderSelection,
  RequestParameters,
} from 'relay-runtime';

/** A query over two products: parts in parts, and one label at two places. */
export const PAIR_QUERY = createRequest({
  name: 'ProductPairQuery',
  variables: ['first', 'second'],
  text: `query ProductPairQuery(
  $first: ID!
  $second: ID!
) {
  first: product(id: $first) {
    id
    ...Product_rest @defer(label: "ProductPairQuery$defer$first")
  }
  second: product(id: $second) {
    id
    ...Product_rest @defer(label: "ProductPairQuery$defer$second")
  }
}

fragment Product_rest on Product {
  name
  ...Product_stock @defer(label: "Product_rest$defer$Product_stock")
}

fragment Product_stock on Product {
  units
}
`,
  read: ['first', 'second'].map((name) => linkProduct(name, [scalar('id'), readLater('Product_rest')])),
  normalize: ['first', 'second'].map((name) =>
    linkProduct(name, [
      scalar('id'),
      defer(`ProductPairQuery$defer$${name}`, [
        scalar('name'),
        defer('Product_rest$defer$Product_stock', [scalar('units')]),
      ]),
    ]),
  ),
});

/** What {@link PAIR_QUERY} defers. */
export const REST_FRAGMENT = createFragment('Product_rest', 'Product', [
  scalar('name'),
  readLater('Product_stock'),
]);

/** What {@link REST_FRAGMENT} defers: `units @catch(to: RESULT)`, an error where it belongs. */
export const STOCK_FRAGMENT = createFragment('Product_stock', 'Product', [
  // The types of Relay do not know it yet.
  { kind: 'CatchField', field: scalar('units'), to: 'RESULT' } as unknown as ReaderSelection,
]);

/** A query that waits for `slow` with its second part. */
export const SLOW_QUERY = createRootRequest('slow');

/** What {@link SLOW_QUERY} defers. */
export const SLOW_FRAGMENT = createFragment('Product_slow', 'Query', [scalar('slow')]);

/** A query whose second part fails, and may not be null. */
export const STRICT_QUERY = createRootRequest('strict');

/** What {@link STRICT_QUERY} defers. */
export const STRICT_FRAGMENT = createFragment('Product_strict', 'Query', [scalar('strict')]);

interface RequestParts {
  readonly name: string;
  readonly variables: readonly string[];
  readonly text: string;
  readonly read: readonly ReaderSelection[];
  readonly normalize: readonly NormalizationSelection[];
}

/** The same as relay-compiler 21 writes, but for the hashes. */
function createRequest({ name, variables, text, read, normalize }: RequestParts): ConcreteRequest {
  const argumentDefinitions = variables.map((variable) => ({
    defaultValue: null,
    kind: 'LocalArgument' as const,
    name: variable,
  }));
  const params: RequestParameters = {
    cacheID: name,
    id: null,
    metadata: {},
    name,
    operationKind: 'query',
    text,
  };
  return {
    fragment: { ...createFragment(name, 'Query', read), argumentDefinitions },
    kind: 'Request',
    operation: { argumentDefinitions, kind: 'Operation', name, selections: normalize },
    params,
  };
}

/** `hello` at once, and a field of the root later. */
function createRootRequest(field: string): ConcreteRequest {
  const name = `Product${field.charAt(0).toUpperCase()}${field.slice(1)}Query`;
  const fragment = `Product_${field}`;
  const label = `${name}$defer$${fragment}`;
  return createRequest({
    name,
    variables: [],
    text: `query ${name} {
  hello
  ...${fragment} @defer(label: "${label}")
}

fragment ${fragment} on Query {
  ${field}
}
`,
    read: [scalar('hello'), readLater(fragment)],
    normalize: [scalar('hello'), defer(label, [scalar(field)])],
  });
}

function createFragment(name: string, type: string, selections: readonly ReaderSelection[]): ReaderFragment {
  return {
    argumentDefinitions: [],
    kind: 'Fragment',
    metadata: null,
    name,
    selections,
    type,
    abstractKey: null,
  };
}

function scalar(name: string) {
  return { alias: null, args: null, kind: 'ScalarField' as const, name, storageKey: null };
}

/** `<name>: product(id: $<name>)`. */
function linkProduct<Selection>(name: string, selections: readonly Selection[]) {
  return {
    alias: name,
    args: [{ kind: 'Variable' as const, name: 'id', variableName: name }],
    concreteType: 'Product',
    kind: 'LinkedField' as const,
    name: 'product',
    plural: false,
    selections,
    storageKey: null,
  };
}

function readLater(fragment: string): ReaderSelection {
  return { kind: 'Defer', selections: [{ args: null, kind: 'FragmentSpread', name: fragment } as const] };
}

function defer(label: string, selections: readonly NormalizationSelection[]): NormalizationSelection {
  return { if: null, kind: 'Defer', label, selections };
}

import { describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { openTestGateway, type TestSubgraph } from '../../support/test-gateway.js';

const PRODUCTS = [
  { id: '1', name: 'chair', weight: 0 },
  { id: '2', name: 'table', weight: 30 },
  { id: '', name: 'nameless', weight: 5 },
];

const products: TestSubgraph = {
  typeDefs: `
    type Query { products: [Product] product(id: ID!): Product strict: Product! maybe: Product }
    type Mutation { first: Int second: Int }
    type Product @key(fields: "id") { id: ID! name: String! weight: Int }
  `,
  resolvers: {
    Query: {
      products: () => PRODUCTS,
      product: (_parent: unknown, { id }: { id: string }) => PRODUCTS.find((product) => product.id === id),
      strict: () => PRODUCTS[0],
      maybe: () => null,
    },
    Mutation: { first: () => 1, second: () => 2 },
    Product: {
      __resolveReference: ({ id }: { id: string }) => PRODUCTS.find((product) => product.id === id),
    },
  },
};

const stock: TestSubgraph = {
  typeDefs: `
    type Mutation { third: Int }
    type Product @key(fields: "id") {
      id: ID!
      weight: Int @external
      units: Int
      must: Int!
      shipping: Int @requires(fields: "weight")
      related: [Product!]
    }
  `,
  resolvers: {
    Mutation: { third: () => 3 },
    Product: {
      __resolveReference: (reference: { id: string }) => (reference.id === '2' ? null : reference),
      units: ({ id }: { id: string }) => {
        if (id === '1') throw new AegisError('UNAVAILABLE', 'the stock of chairs is being counted');
        return id.length;
      },
      must: () => 7,
      shipping: ({ weight }: { weight: number | null }) => (weight ?? 0) * 2,
      related: () => [
        { __typename: 'Product', id: '1' },
        { __typename: 'Product', id: '1' },
      ],
    },
  },
};

function openShop(stockDown = false) {
  return openTestGateway({ products, stock }, (transport, name) =>
    stockDown && name === 'stock'
      ? {
          ...transport,
          execute: () => Promise.reject(new AegisError('UPSTREAM_FAILED', 'stock could not be reached')),
        }
      : transport,
  );
}

describe('executor', () => {
  it('joins entities of two subgraphs and keeps the client’s order and aliases', async () => {
    const shop = openShop();
    const { data, errors } = await shop.run('{ all: products { w: shipping name } }');
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toBe(
      '{"all":[{"w":0,"name":"chair"},{"w":null,"name":"table"},{"w":10,"name":"nameless"}]}',
    );
  });

  it('takes an empty string as a key like any other', async () => {
    const { data } = await openShop().run('{ product(id: "") { units } }');
    expect(data).toEqual({ product: { units: 0 } });
  });

  it('asks for each entity once, however many places wait for it', async () => {
    const shop = openShop();
    const { data } = await shop.run('{ a: products { related { name } } }');
    const lookup = shop.fetches.find(
      ({ subgraph, variables }) => subgraph === 'products' && variables['representations'],
    );
    expect(lookup?.variables['representations']).toEqual([{ __typename: 'Product', id: '1' }]);
    expect(data?.['a']).toEqual([
      { related: [{ name: 'chair' }, { name: 'chair' }] },
      { related: null },
      { related: [{ name: 'chair' }, { name: 'chair' }] },
    ]);
  });

  it('puts an entity’s error at each place of the client’s response that it concerns', async () => {
    const { data, errors } = await openShop().run('{ products { n: units } x: product(id: "1") { units } }');
    expect(data).toEqual({ products: [{ n: null }, { n: null }, { n: 0 }], x: { units: null } });
    expect(errors?.map(({ path, extensions }) => [path, extensions['code'], extensions['subgraph']])).toEqual(
      [
        [['products', 0, 'n'], 'UNAVAILABLE', 'stock'],
        [['x', 'units'], 'UNAVAILABLE', 'stock'],
      ],
    );
  });

  it('carries the null of a non-null field up, with an error at the field', async () => {
    const { data, errors } = await openShop().run('{ products { name must } }');
    expect(data).toEqual({ products: [{ name: 'chair', must: 7 }, null, { name: 'nameless', must: 7 }] });
    expect(errors?.map(({ path, message }) => [path, message])).toEqual([
      [['products', 1, 'must'], 'Cannot return null for non-nullable field Product.must.'],
    ]);
  });

  it('carries a null up to the root when nothing on the way may be null', async () => {
    const { data, errors } = await openShop(true).run('{ strict { must } }');
    expect(data).toBeNull();
    expect(errors?.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['strict', 'must'], 'UPSTREAM_FAILED'],
    ]);
  });

  it('gives the rest of the response when a subgraph is down, with one error for each missing field', async () => {
    const { data, errors } = await openShop(true).run('{ products { name units shipping } maybe { units } }');
    expect(data).toEqual({
      products: PRODUCTS.map(({ name }) => ({ name, units: null, shipping: null })),
      maybe: null,
    });
    expect(errors?.map(({ path }) => path)).toEqual(
      [0, 1, 2].flatMap((index) => [
        ['products', index, 'units'],
        ['products', index, 'shipping'],
      ]),
    );
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_FAILED',
      subgraph: 'stock',
      retryable: true,
    });
  });

  it('runs mutations in the order of the operation across subgraphs', async () => {
    const shop = openShop();
    const { data } = await shop.run('mutation { second third first }');
    expect(data).toEqual({ second: 2, third: 3, first: 1 });
    expect(shop.fetches.map(({ subgraph }) => subgraph)).toEqual(['products', 'stock', 'products']);
  });

  it('decides @skip and @include for each request, also where a whole fetch hangs on it', async () => {
    const shop = openShop();
    const query =
      'query ($s: Boolean!, $n: Boolean! = true) { strict { name @include(if: $n) must @skip(if: $s) } }';
    expect((await shop.run(query, { s: false })).data).toEqual({ strict: { name: 'chair', must: 7 } });
    const before = shop.fetches.length;
    expect((await shop.run(query, { s: true, n: false })).data).toEqual({ strict: {} });
    expect(shop.fetches.slice(before).map(({ subgraph }) => subgraph)).not.toContain('stock');
  });

  it('refuses variables of the wrong type with the client’s own words', async () => {
    const { data, errors } = await openShop().run('query ($id: ID!) { product(id: $id) { name } }', {
      id: { a: 1 },
    });
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('Variable "$id" got invalid value');
  });

  it('answers introspection and __typename itself, beside data and behind aliases and fragments', async () => {
    const { data, errors } = await openShop().run(`
      { t: __typename ...Meta strict { __typename } }
      fragment Meta on Query { s: __schema { queryType { name } } p: __type(name: "Product") { kind } }
    `);
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      t: 'Query',
      s: { queryType: { name: 'Query' } },
      p: { kind: 'OBJECT' },
      strict: { __typename: 'Product' },
    });
  });

  it('plans an operation once, whatever object its text comes in', async () => {
    const shop = openShop();
    await shop.run('{ strict { name } }');
    await shop.run('{ strict {\n name } }');
    const lookups = await shop.gateway.metrics.planLookups.get();
    expect(lookups.values.map(({ labels, value }) => [labels.outcome, value])).toEqual([
      ['miss', 1],
      ['hit', 1],
    ]);
  });
});

describe('values', () => {
  const odd = (value: unknown): TestSubgraph => ({
    typeDefs:
      'type Query { list: [Int] object: Thing union: Any } type Thing { a: Int } type Other { b: Int } union Any = Thing | Other',
    resolvers: { Query: { list: () => value } },
  });

  it.each([
    ['a list', 'list', 5],
    ['an object', 'object', 'text'],
    ['a value of type Int', 'list', ['word']],
    ['an object of a type', 'union', { __typename: 'Nobody' }],
  ])('refuses what is not %s', async (expected, field, value) => {
    const selection = field === 'list' ? 'list' : `${field} { ${field === 'union' ? '__typename' : 'a'} }`;
    const test = openTestGateway({ odd: odd(value) }, (transport) => ({
      ...transport,
      execute: () => Promise.resolve({ data: { [field]: value } }),
    }));
    const { data, errors } = await test.run(`{ ${selection} }`);
    expect(data).toEqual({ [field]: Array.isArray(value) ? [null] : null });
    expect(errors?.[0]?.message).toContain(`expected ${expected}`);
  });
});

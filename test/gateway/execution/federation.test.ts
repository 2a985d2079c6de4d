import { describe, expect, it } from '@jest/globals';
import { closeGatewaysAfterEach, dataOf } from '../../support/opened-gateways.js';
import type { TestSubgraph } from '../../support/test-gateway.js';

const open = closeGatewaysAfterEach();

describe('keys', () => {
  it('may be several, nested, and of each subgraph another', async () => {
    const gateway = open({
      byId: {
        typeDefs: `
          type Query { product: Product }
          type Product @key(fields: "id") { id: ID! }`,
        resolvers: { Query: { product: () => ({ id: 'p' }) } },
      },
      bridge: {
        typeDefs: `
          type Product @key(fields: "id") @key(fields: "code { country number }") { id: ID! code: Code! }
          type Code { country: String! number: Int! }`,
        resolvers: {
          Product: {
            __resolveReference: ({ id }: { id: string }) => ({ id, code: { country: '', number: 0 } }),
          },
        },
      },
      byCode: {
        typeDefs: `
          type Product @key(fields: "code { country number }") { code: Code! name: String }
          type Code { country: String! number: Int! }`,
        resolvers: {
          Product: {
            name: ({ code }: { code: { country: string; number: number } }) =>
              `${code.country}|${code.number}`,
          },
        },
      },
    });
    expect(await dataOf(gateway, '{ product { name } }')).toEqual({ product: { name: '|0' } });
  });

  it('may be hidden behind the client’s aliases', async () => {
    const gateway = open({
      a: {
        typeDefs: 'type Query { product: Product } type Product @key(fields: "id") { id: ID! size: Int }',
        resolvers: { Query: { product: () => ({ id: 'p', size: 3 }) } },
      },
      b: {
        typeDefs: 'type Product @key(fields: "id") { id: ID! name: String }',
        resolvers: { Product: { name: ({ id }: { id: string }) => `name of ${id}` } },
      },
    });
    expect(await dataOf(gateway, '{ x: product { key: id n: name t: __typename } }')).toEqual({
      x: { key: 'p', n: 'name of p', t: 'Product' },
    });
  });
});

describe('@requires', () => {
  const boxes = [
    { id: '1', parts: [[{ size: { w: 1 }, kind: 'LID' }], null, []] },
    { id: '2', parts: null },
    { id: '3', parts: [[{ size: null, kind: 'SIDE' }]] },
  ];
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { boxes: [Box] }
      type Box @key(fields: "id") { id: ID! parts: [[Part]] }
      interface Part { size: Size }
      type Lid implements Part { size: Size kind: Kind }
      type Size @shareable { w: Int }
      enum Kind { LID SIDE }`,
    resolvers: {
      Query: { boxes: () => boxes },
      Part: { __resolveType: () => 'Lid' },
    },
  };
  const post: TestSubgraph = {
    typeDefs: `
      type Box @key(fields: "id") {
        id: ID!
        parts: [[Part]] @external
        weight: String @requires(fields: "parts { ... on Lid { kind size { w } } }")
      }
      interface Part { size: Size }
      type Lid implements Part { size: Size @external kind: Kind @external }
      type Size @shareable { w: Int }
      enum Kind { LID SIDE }`,
    resolvers: {
      Part: { __resolveType: () => 'Lid' },
      Box: { weight: ({ parts }: { parts: unknown }) => JSON.stringify(parts) },
    },
  };

  it('sends lists in lists, nulls and enum values as they are', async () => {
    const { boxes: answered } = await dataOf(open({ shop, post }), '{ boxes { weight } }');
    expect((answered as { weight: string }[]).map(({ weight }) => JSON.parse(weight) as unknown)).toEqual([
      [[{ kind: 'LID', size: { w: 1 } }], null, []],
      null,
      [[{ kind: 'SIDE', size: null }]],
    ]);
  });

  it('is met whether the client asks for the required field or not, and under another name', async () => {
    const gateway = open({
      a: {
        typeDefs: 'type Query { p: P } type P @key(fields: "id") { id: ID! weight: Int name: String }',
        resolvers: { Query: { p: () => ({ id: 1, weight: 2, name: 'n' }) } },
      },
      b: {
        typeDefs:
          'type P @key(fields: "id") { id: ID! weight: Int @external ship: Int @requires(fields: "weight") }',
        resolvers: { P: { ship: ({ weight }: { weight: number }) => weight * 10 } },
      },
    });
    expect(await dataOf(gateway, '{ p { ship } }')).toEqual({ p: { ship: 20 } });
    expect(await dataOf(gateway, '{ p { w: weight ship weight } }')).toEqual({
      p: { w: 2, ship: 20, weight: 2 },
    });
  });
});

describe('interfaces and unions', () => {
  const BOOK = { __typename: 'Book', id: 'b', title: 'T', pages: 0 };
  const FILM = { __typename: 'Film', id: 'f', title: 'F', minutes: 90 };
  const media: TestSubgraph = {
    typeDefs: `
      type Query { all: [Media!]! search: [Hit] hits: [Media] }
      interface Media @key(fields: "id") { id: ID! title: String }
      type Book implements Media @key(fields: "id") { id: ID! title: String pages: Int }
      type Film implements Media @key(fields: "id") { id: ID! title: String minutes: Int }
      union Hit = Book | Film`,
    resolvers: {
      Query: { all: () => [BOOK, FILM], search: () => [FILM, null, BOOK], hits: () => [] },
      Media: {
        __resolveReference: ({ id }: { id: string }) => [BOOK, FILM].find((one) => one.id === id),
      },
      Book: { __resolveReference: () => BOOK },
      Film: { __resolveReference: () => FILM },
    },
  };
  const stars: TestSubgraph = {
    typeDefs: `
      type Query { top: [Media!]! }
      type Media @key(fields: "id") @interfaceObject { id: ID! stars: Int! }`,
    resolvers: {
      Query: { top: () => [{ id: 'f' }, { id: 'b' }] },
      Media: { stars: ({ id }: { id: string }) => (id === 'b' ? 0 : 5) },
    },
  };

  it('get fields that another subgraph adds to all of them (@interfaceObject)', async () => {
    const gateway = open({ media, stars });
    expect(
      await dataOf(
        gateway,
        '{ all { __typename stars ... on Book { pages } } search { ... on Media { stars } } }',
      ),
    ).toEqual({
      all: [
        { __typename: 'Book', stars: 0, pages: 0 },
        { __typename: 'Film', stars: 5 },
      ],
      search: [{ stars: 5 }, null, { stars: 0 }],
    });
    const lookups = gateway.fetches.filter(({ subgraph }) => subgraph === 'stars');
    for (const { variables } of lookups) {
      expect(variables['representations']).toEqual(
        expect.arrayContaining([{ __typename: 'Media', id: 'b' }]),
      );
    }
  });

  it('begin at the subgraph that does not know their types, and learn them from the one that does', async () => {
    const gateway = open({ media, stars });
    expect(await dataOf(gateway, '{ top { __typename stars title ... on Film { minutes } } }')).toEqual({
      top: [
        { __typename: 'Film', stars: 5, title: 'F', minutes: 90 },
        { __typename: 'Book', stars: 0, title: 'T' },
      ],
    });
    expect(await dataOf(gateway, '{ top { stars } }')).toEqual({ top: [{ stars: 5 }, { stars: 0 }] });
    expect(await dataOf(gateway, '{ top { t: __typename } }')).toEqual({
      top: [{ t: 'Film' }, { t: 'Book' }],
    });
  });

  it('answer __typename everywhere and nothing else', async () => {
    expect(
      await dataOf(
        open({ media, stars }),
        '{ __typename all { __typename } search { __typename } hits { __typename } }',
      ),
    ).toEqual({
      __typename: 'Query',
      all: [{ __typename: 'Book' }, { __typename: 'Film' }],
      search: [{ __typename: 'Film' }, null, { __typename: 'Book' }],
      hits: [],
    });
  });

  it('get back fields of one name and another type, falsy ones too, from the aliases that the plan gave them', async () => {
    const keyed: TestSubgraph = {
      typeDefs: `
        type Query { items: [Item] }
        union Item = A | B
        type A @key(fields: "k") { k: Int! v: V1 }
        type B @key(fields: "k") { k: String! v: V2 }
        type V1 { x: Int! } type V2 { x: String! }`,
      resolvers: {
        Query: {
          items: () => [
            { __typename: 'A', k: 0, v: { x: 0 } },
            { __typename: 'B', k: '', v: { x: '' } },
          ],
        },
      },
    };
    const names: TestSubgraph = {
      typeDefs: `
        type A @key(fields: "k") { k: Int! name: String }
        type B @key(fields: "k") { k: String! name: String }`,
      resolvers: {
        A: { name: ({ k }: { k: unknown }) => `a${String(k)}` },
        B: { name: ({ k }: { k: unknown }) => `b${String(k)}` },
      },
    };
    const gateway = open({ keyed, names });
    expect(
      await dataOf(gateway, '{ items { ... on A { name v { n: x } } ... on B { name v { s: x } } } }'),
    ).toEqual({
      items: [
        { name: 'a0', v: { n: 0 } },
        { name: 'b', v: { s: '' } },
      ],
    });
  });

  it('may have members that only one subgraph knows', async () => {
    const a: TestSubgraph = {
      typeDefs: `
        type Query { a: U @shareable b: [N] }
        union U = X
        interface N { id: ID }
        type X implements N @key(fields: "id") { id: ID! n: Int }`,
      resolvers: {
        Query: { a: () => ({ __typename: 'X', id: 1, n: 2 }), b: () => [{ __typename: 'X', id: 3, n: 4 }] },
      },
    };
    const b: TestSubgraph = {
      typeDefs: `
        type Query { c: U }
        union U = X | Y
        type X @key(fields: "id") { id: ID! m: Int }
        type Y { z: Int }`,
      resolvers: {
        Query: { c: () => ({ __typename: 'Y', z: 9 }) },
        X: { m: ({ id }: { id: string }) => Number(id) * 100 },
      },
    };
    const all = '{ ... on X { n m } ... on Y { z } }';
    expect(await dataOf(open({ a, b }), `{ a ${all} b { id ... on X { m } } c ${all} }`)).toEqual({
      a: { n: 2, m: 100 },
      b: [{ id: '3', m: 300 }],
      c: { z: 9 },
    });
  });
});

describe('who gives a field', () => {
  it('is decided by @override and @provides', async () => {
    const gateway = open({
      old: {
        typeDefs:
          'type Query { p: P } type P @key(fields: "id") { id: ID! price: Int name: String @shareable }',
        resolvers: { Query: { p: () => ({ id: 1 }) }, P: { price: () => 1, name: () => 'of old' } },
      },
      fresh: {
        typeDefs: `
          type Query { q: P @provides(fields: "name") }
          type P @key(fields: "id") { id: ID! price: Int @override(from: "old") name: String @external }`,
        resolvers: { Query: { q: () => ({ id: 2, name: 'of fresh' }) }, P: { price: () => 2 } },
      },
    });
    expect(await dataOf(gateway, '{ p { price name } }')).toEqual({ p: { price: 2, name: 'of old' } });
    const before = gateway.fetches.length;
    expect(await dataOf(gateway, '{ q { name } }')).toEqual({ q: { name: 'of fresh' } });
    expect(gateway.fetches.slice(before).map(({ subgraph }) => subgraph)).toEqual(['fresh']);
  });
});

describe('@inaccessible', () => {
  const gateway = () =>
    open({
      a: {
        typeDefs: `
          type Query { color: Color colors: [Color] any: [Any] p: P }
          enum Color { RED ULTRAVIOLET @inaccessible }
          union Any = P | Secret
          type P @key(fields: "id") { id: ID! @inaccessible name: String }
          type Secret @inaccessible { id: ID! }`,
        resolvers: {
          Query: {
            color: () => 'ULTRAVIOLET',
            colors: () => ['RED', 'ULTRAVIOLET'],
            any: () => [
              { __typename: 'Secret', id: 1 },
              { __typename: 'P', id: 2, name: 'n' },
            ],
            p: () => ({ id: 1, name: 'n' }),
          },
        },
      },
      b: {
        typeDefs: 'type P @key(fields: "id") { id: ID! size: Int }',
        resolvers: { P: { size: ({ id }: { id: string }) => Number(id) } },
      },
    });

  it('keeps values and types from clients, who learn that something is there and nothing of it', async () => {
    const { data, errors } = await gateway().run('{ color colors any { __typename ... on P { name } } }');
    expect(data).toEqual({ color: null, colors: ['RED', null], any: [null, { __typename: 'P', name: 'n' }] });
    expect(errors?.map(({ path }) => path)).toEqual([['color'], ['colors', 1], ['any', 0]]);
    expect(JSON.stringify(errors)).not.toMatch(/ULTRAVIOLET|Secret/);
  });

  it('does not keep keys from the gateway', async () => {
    expect(await dataOf(gateway(), '{ p { name size } }')).toEqual({ p: { name: 'n', size: 1 } });
  });
});

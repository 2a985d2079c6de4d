import { describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { closeGatewaysAfterEach, dataOf } from '../../support/opened-gateways.js';
import type { TestSubgraph } from '../../support/test-gateway.js';

const open = closeGatewaysAfterEach();

describe('a client’s alias', () => {
  const a: TestSubgraph = {
    typeDefs: `
      type Query { p: P }
      type P @key(fields: "id") { id: ID! name: String weight: Int f(x: Int): Int }`,
    resolvers: {
      Query: { p: () => ({ id: 'the id', name: 'the name', weight: 3 }) },
      P: { f: (_parent: unknown, { x = 7 }: { x?: number }) => x },
    },
  };
  const b: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") {
        id: ID! weight: Int @external f(x: Int): Int @external
        ship: String @requires(fields: "weight")
        tax: String @requires(fields: "f")
      }`,
    resolvers: {
      P: {
        ship: ({ id, weight }: { id: string; weight: number }) => `${id} weighs ${weight}`,
        tax: ({ f }: { f: number }) => `tax of ${f}`,
      },
    },
  };

  it('may be the name of a key', async () => {
    const gateway = open({ a, b });
    expect(await dataOf(gateway, '{ p { id: name ship } }')).toEqual({
      p: { id: 'the name', ship: 'the id weighs 3' },
    });
    expect(await dataOf(gateway, '{ p { ship id: name __typename: name } }')).toEqual({
      p: { ship: 'the id weighs 3', id: 'the name', __typename: 'the name' },
    });
  });

  it('may be the name of a required field', async () => {
    const gateway = open({ a, b });
    for (const query of ['{ p { weight: name ship } }', '{ p { ship weight: name } }']) {
      expect(await dataOf(gateway, query)).toEqual({ p: { weight: 'the name', ship: 'the id weighs 3' } });
    }
  });

  it('may be the name of another field that is selected under an alias as well', async () => {
    expect(
      await dataOf(open({ a, b }), '{ p { name: id id: ship ship: name weight: f f: weight } }'),
    ).toEqual({
      p: { name: 'the id', id: 'the id weighs 3', ship: 'the name', weight: 7, f: 3 },
    });
  });

  it('may be one of several for one field', async () => {
    const gateway = open({ a, b });
    expect(await dataOf(gateway, '{ p { a: name b: name name } x: p { c: id } }')).toEqual({
      p: { a: 'the name', b: 'the name', name: 'the name' },
      x: { c: 'the id' },
    });
  });

  it('leaves a required field its own arguments', async () => {
    const gateway = open({ a, b });
    for (const query of ['{ p { f(x: 1) tax } }', '{ p { tax f(x: 1) } }']) {
      expect(await dataOf(gateway, query)).toEqual({ p: { f: 1, tax: 'tax of 7' } });
    }
  });
});

describe('one response name behind conditions on types that exclude each other', () => {
  const feed: TestSubgraph = {
    typeDefs: `
      type Query { feed: [Item] }
      union Item = Photo | Video
      type Photo { owner: Owner }
      type Video { owner: Owner }
      type Owner @key(fields: "id") { id: ID! }`,
    resolvers: {
      Query: {
        feed: () => [
          { __typename: 'Photo', owner: { id: 'p' } },
          { __typename: 'Video', owner: { id: 'v' } },
        ],
      },
    },
  };
  const owners: TestSubgraph = {
    typeDefs:
      'type Owner @key(fields: "id") { id: ID! media(size: Int!): String short: String long: String }',
    resolvers: {
      Owner: {
        media: ({ id }: { id: string }, { size }: { size: number }) => `${id} at ${size}`,
        short: ({ id }: { id: string }) => id,
        long: ({ id }: { id: string }) => id.repeat(9),
      },
    },
  };

  it('may have other arguments in each', async () => {
    const query = `query ($yes: Boolean! = true, $size: Int! = 640) { feed {
      ... on Photo { owner { media(size: 216) } }
      ... on Video { owner { media(size: $size) @include(if: $yes) } }
    } }`;
    const gateway = open({ feed, owners });
    expect(await dataOf(gateway, query)).toEqual({
      feed: [{ owner: { media: 'p at 216' } }, { owner: { media: 'v at 640' } }],
    });
    expect(await dataOf(gateway, query, { yes: false, size: 1 })).toEqual({
      feed: [{ owner: { media: 'p at 216' } }, { owner: {} }],
    });
  });

  it('may be another field in each', async () => {
    const query = '{ feed { ... on Photo { owner { text: short } } ... on Video { owner { text: long } } } }';
    expect(await dataOf(open({ feed, owners }), query)).toEqual({
      feed: [{ owner: { text: 'p' } }, { owner: { text: 'vvvvvvvvv' } }],
    });
  });
});

describe('one field under several response names', () => {
  const fails = (what: string) => () => Promise.reject(new Error(what));
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { box: Box boxes: [Box] self: Query @shareable }
      type Mutation { add(n: Int!): Int! bump: Box }
      type Box { id: ID! bad: Int strict: Int! at(n: Int): Int inner: Box }`,
    resolvers: {
      Query: { box: () => ({ id: 1 }), boxes: () => [{ id: 1 }, { id: 2 }], self: () => ({}) },
      Box: { bad: fails('bad'), strict: fails('strict'), at: fails('at'), inner: () => ({ id: 9 }) },
    },
  };
  const other: TestSubgraph = { typeDefs: 'type Query { other: Int }' };

  it('fails under each of them', async () => {
    const { data, errors } = await open({ shop, other }).run(
      '{ boxes { x: bad id y: bad z: at(n: 1) w: at(n: 1) at } }',
    );
    expect(data?.['boxes']).toEqual(
      ['1', '2'].map((id) => ({ x: null, id, y: null, z: null, w: null, at: null })),
    );
    expect(errors?.map(({ path }) => path?.join('.')).sort()).toEqual(
      [0, 1].flatMap((index) => ['at', 'w', 'x', 'y', 'z'].map((name) => `boxes.${index}.${name}`)),
    );
  });

  it('costs one of them nothing when what may not be null fails inside another', async () => {
    const { data, errors } = await open({ shop, other }).run(
      '{ a: box { strict } b: box { id } box { c: id } }',
    );
    expect(data).toEqual({ a: null, b: { id: '1' }, box: { c: '1' } });
    expect(errors?.map(({ path }) => path?.join('.'))).toEqual(['a.strict']);
  });

  it('changes something as often as it is asked to', async () => {
    let sum = 0;
    const gateway = open({
      shop: {
        ...shop,
        resolvers: {
          ...shop.resolvers,
          Mutation: {
            add: (_parent: unknown, { n }: { n: number }) => (sum += n),
            bump: () => ({ id: ++sum }),
          },
        },
      },
      other,
    });
    expect(
      await dataOf(gateway, 'mutation { a: add(n: 2) b: add(n: 2) x: bump { id } y: bump { id } add(n: 2) }'),
    ).toEqual({ a: 2, b: 4, x: { id: '5' }, y: { id: '6' }, add: 8 });
  });

  it('merges what it selects in several places, in whatever order its arguments are', async () => {
    const a: TestSubgraph = {
      typeDefs:
        'type Query { find(by: By, n: Int): Found } input By { a: Int b: Int } type Found { x: Int y: Int }',
      resolvers: { Query: { find: () => ({ x: 1, y: 2 }) } },
    };
    expect(
      await dataOf(
        open({ a }),
        '{ f: find(by: { a: 1, b: 2 }, n: 3) { x } f: find(n: 3, by: { b: 2, a: 1 }) { y } }',
      ),
    ).toEqual({ f: { x: 1, y: 2 } });
  });

  it('may ask about the schema wherever the query type is', async () => {
    const query = `query ($n: String!) {
      __type(name: $n) { name }
      self { s: __schema { queryType { name } } ...T }
    } fragment T on Query { self { __type(name: "Box") { kind } } }`;
    expect(await dataOf(open({ shop, other }), query, { n: 'Mutation' })).toEqual({
      __type: { name: 'Mutation' },
      self: { s: { queryType: { name: 'Query' } }, self: { __type: { kind: 'OBJECT' } } },
    });
  });
});

describe('a required field with arguments', () => {
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { p: P ps: [P] media: [Media] }
      type P @key(fields: "id") { id: ID! price(currency: Currency, times: [Int]): String weight: Int dims: Dims best: Media }
      enum Currency { EUR USD }
      type Dims { h(unit: String): String w: Int }
      interface Media { title(lang: String): String }
      type Book implements Media { title(lang: String): String }
      type Film implements Media { title(lang: String): String }`,
    resolvers: {
      Query: { p: () => ({ id: 1 }), ps: () => [{ id: 1 }, { id: 2 }, { id: 3 }], media: () => [] },
      P: {
        price: (
          { id }: { id: number },
          { currency = 'none', times = [] }: { currency?: string; times?: number[] },
        ) =>
          id === 3
            ? Promise.reject(new AegisError('CONFLICT', 'no price'))
            : `${id} ${currency}${times.join('')}`,
        weight: () => 5,
        dims: () => ({ w: 1 }),
        best: ({ id }: { id: number }) => ({ __typename: id === 1 ? 'Book' : 'Film' }),
      },
      Dims: { h: (_parent: unknown, { unit = 'none' }: { unit?: string }) => unit },
      Book: { title: (_parent: unknown, { lang = 'none' }: { lang?: string }) => `book ${lang}` },
      Film: { title: (_parent: unknown, { lang = 'none' }: { lang?: string }) => `film ${lang}` },
    },
  };
  const post: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") {
        id: ID! weight: Int @external dims: Dims @external best: Media @external
        price(currency: Currency, times: [Int]): String @external
        plain: String @requires(fields: "price")
        ship(n: Int): String @requires(fields: "price(currency: EUR, times: [1, 2]) weight")
        tax: String @requires(fields: "price(currency: USD) dims { h(unit: \\"cm\\") w }")
        same: String @requires(fields: "price(currency: USD)")
        name: String @requires(fields: "best { title(lang: \\"en\\") }")
        other: Int
      }
      enum Currency { EUR USD }
      type Dims { h(unit: String): String @external w: Int @external }
      interface Media { title(lang: String): String }
      type Book implements Media { title(lang: String): String @external }
      type Film implements Media { title(lang: String): String @external }`,
    resolvers: {
      P: {
        plain: ({ price }: { price: string }) => `plain ${price}`,
        ship: ({ price, weight }: { price: string; weight: number }, { n }: { n: number }) =>
          `ship ${price} ${weight} ${n}`,
        tax: ({ price, dims }: { price: string; dims: unknown }) => `tax ${price} ${JSON.stringify(dims)}`,
        same: ({ price }: { price: string }) => `same ${price}`,
        name: ({ best }: { best: { title: string } }) => best.title,
        other: ({ id }: { id: string }) => Number(id),
      },
    },
  };

  it('is asked for with these, whatever the client asks for', async () => {
    const gateway = open({ shop, post });
    for (const query of [
      'query ($n: Int) { p { price(currency: USD) ship(n: $n) price__required: price } }',
      'query ($n: Int) { p { ship(n: $n) price(currency: USD) price__required: price } }',
    ]) {
      expect(await dataOf(gateway, query, { n: 7 })).toEqual({
        p: { price: '1 USD', ship: 'ship 1 EUR12 5 7', price__required: '1 none' },
      });
    }
  });

  it('may be required of one fetch with different arguments, and without', async () => {
    const gateway = open({ shop, post });
    const query = '{ ps { plain s: ship(n: 0) tax other same } }';
    const { data, errors } = await gateway.run(query);
    expect(data).toEqual({
      ps: [
        ...[1, 2].map((id) => ({
          plain: `plain ${id} none`,
          s: `ship ${id} EUR12 5 0`,
          tax: `tax ${id} USD {"h":"cm","w":1}`,
          other: id,
          same: `same ${id} USD`,
        })),
        {
          plain: 'plain null',
          s: 'ship null 5 0',
          tax: 'tax null {"h":"cm","w":1}',
          other: 3,
          same: 'same null',
        },
      ],
    });
    expect(errors?.map(({ path, message }) => [path?.join('.'), message])).toEqual(
      Array.from({ length: 3 }, () => ['ps.2', 'no price']),
    );
    expect(gateway.fetches.map(({ subgraph }) => subgraph)).toEqual(['shop', 'post', 'post', 'post']);
    for (const { text } of gateway.fetches) expect(text).not.toMatch(/price__required[^:]*$/m);
  });

  it('may be one of an interface', async () => {
    expect(await dataOf(open({ shop, post }), '{ ps { name best { title(lang: "fr") } } }')).toEqual({
      ps: [
        { name: 'book en', best: { title: 'book fr' } },
        { name: 'film en', best: { title: 'film fr' } },
        { name: 'film en', best: { title: 'film fr' } },
      ],
    });
  });

  it('adds nothing to what clients see', async () => {
    const { __type } = await dataOf(open({ shop, post }), '{ __type(name: "P") { fields { name } } }');
    expect(JSON.stringify(__type)).not.toContain('required');
  });
});

describe('an object that a key or a required field goes into', () => {
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { p: P }
      type P @key(fields: "id") { id: ID! dims: Dims }
      type Dims @shareable { w: Int must: Int! }`,
    resolvers: {
      Query: { p: () => ({ id: 1, dims: { w: 3 } }) },
      Dims: { must: () => Promise.reject(new AegisError('CONFLICT', 'no must')) },
    },
  };
  const post: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") { id: ID! dims: Dims @external cost: Int @requires(fields: "dims { w }") }
      type Dims @shareable { w: Int must: Int! }`,
    resolvers: { P: { cost: ({ dims }: { dims: { w: number } | null }) => dims && dims.w * 10 } },
  };

  it('is there for these also when it becomes null in what the client selects', async () => {
    const { data, errors } = await open({ shop, post }).run('{ p { cost dims { must } d: dims { w } } }');
    expect(data).toEqual({ p: { cost: 30, dims: null, d: { w: 3 } } });
    expect(errors?.map(({ path }) => path?.join('.'))).toEqual(['p.dims.must']);
  });
});

describe('one object in several places of the response', () => {
  it('gets in each of them what is selected there', async () => {
    const a: TestSubgraph = {
      typeDefs: `
        type Query { all: [Holder] me: Me @shareable }
        union Holder = X | Y
        type X { query: Query } type Y { query: Query }
        type Me @key(fields: "id") { id: ID! }`,
      resolvers: {
        Query: {
          all: () => ['X', 'Y', 'X'].map((__typename) => ({ __typename, query: {} })),
          me: () => ({ id: 1 }),
        },
      },
    };
    const b: TestSubgraph = {
      typeDefs: `
        type Query { other: Other }
        type Other { me: Me list: [Me] }
        type Me @key(fields: "id") { id: ID! name(long: Boolean): String nick: String }`,
      resolvers: {
        Query: { other: () => ({ me: { id: 1 }, list: [{ id: 1 }, { id: 2 }] }) },
        Me: {
          nick: ({ id }: { id: string }) => `nick ${id}`,
          name: ({ id }: { id: string }, { long }: { long?: boolean }) => `${long ? 'long ' : ''}${id}`,
        },
      },
    };
    const query = `{ all {
      ... on X { query { other { me { name } list { n: name } } } }
      ... on Y { query { other { me { name(long: true) } list { n: nick } } me { name } } }
    } }`;
    const x = { query: { other: { me: { name: '1' }, list: [{ n: '1' }, { n: '2' }] } } };
    const y = {
      query: {
        other: { me: { name: 'long 1' }, list: [{ n: 'nick 1' }, { n: 'nick 2' }] },
        me: { name: '1' },
      },
    };
    expect(await dataOf(open({ a, b }), query)).toEqual({ all: [x, y, x] });
  });
});

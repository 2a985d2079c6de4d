import { afterEach, describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { ErrorCode } from '../../../kernel/errors/codes.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../../../gateway/transports/transport.js';
import { openTestGateway, type TestGateway, type TestSubgraph } from '../../support/test-gateway.js';

const opened: TestGateway[] = [];

function open(
  subgraphs: Record<string, TestSubgraph>,
  wrap?: (transport: Transport, name: string) => Transport,
): TestGateway {
  const gateway = openTestGateway(subgraphs, wrap);
  opened.push(gateway);
  return gateway;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((gateway) => gateway.close()));
});

/** Lets one subgraph answer what the test says. */
function answering(
  subgraph: string,
  answer: (request: SubgraphRequest) => Promise<SubgraphResponse> | SubgraphResponse,
) {
  return (transport: Transport, name: string): Transport =>
    name === subgraph ? { ...transport, execute: async (request) => answer(request) } : transport;
}

interface User {
  readonly id: string;
}

const USERS: Record<string, User | null> = { A: { id: 'A' }, B: { id: 'B' }, C: { id: 'C' } };

const lists: TestSubgraph = {
  typeDefs: `
    type Query { us(ids: [ID!]!): [U] rows: [[U]] one: U must: U! }
    type U @key(fields: "id") { id: ID! }`,
  resolvers: {
    Query: {
      us: (_parent: unknown, { ids }: { ids: string[] }) => ids.map((id) => USERS[id] ?? null),
      rows: () => [[USERS['A'], null], null, [USERS['C'], USERS['A']]],
      one: () => USERS['A'],
      must: () => USERS['A'],
    },
  },
};

const names: TestSubgraph = {
  typeDefs: 'type U @key(fields: "id") { id: ID! name: String strict: String! }',
  resolvers: {
    U: {
      __resolveReference: ({ id }: User) => {
        return id === 'D' ? Promise.reject(new AegisError('NOT_FOUND', 'no D')) : { id };
      },
      name: ({ id }: User) => {
        if (id !== 'C') throw new AegisError('CONFLICT', `no name for ${id}`);
        return id.toLowerCase();
      },
      strict: ({ id }: User) => (id === 'B' ? null : id),
    },
  },
};

const pathsOf = (errors: readonly { readonly path?: unknown }[] | undefined) =>
  errors?.map(({ path }) => path);

describe('errors of entities', () => {
  it('stand at their own places in a list of nulls, failed and repeated ones', async () => {
    const { data, errors } = await open({ lists, names }).run(
      '{ us(ids: ["C", "?", "A", "B", "A", "C"]) { n: name } }',
    );
    expect(data).toEqual({ us: [{ n: 'c' }, null, { n: null }, { n: null }, { n: null }, { n: 'c' }] });
    expect(pathsOf(errors)).toEqual([
      ['us', 2, 'n'],
      ['us', 4, 'n'],
      ['us', 3, 'n'],
    ]);
  });

  it('stand at their own places in lists of lists', async () => {
    const { data, errors } = await open({ lists, names }).run('{ rows { name } }');
    expect(data).toEqual({ rows: [[{ name: null }, null], null, [{ name: 'c' }, { name: null }]] });
    expect(pathsOf(errors)).toEqual([
      ['rows', 0, 0, 'name'],
      ['rows', 2, 1, 'name'],
    ]);
  });

  it('take with them what may not be null, once for each place', async () => {
    const { data, errors } = await open({ lists, names }).run('{ us(ids: ["A", "B", "B"]) { strict } }');
    expect(data).toEqual({ us: [{ strict: 'A' }, null, null] });
    expect(pathsOf(errors)).toEqual([
      ['us', 1, 'strict'],
      ['us', 2, 'strict'],
    ]);
  });

  it('of the entity as a whole stand at each field that it should have brought', async () => {
    USERS['D'] = { id: 'D' };
    const { data, errors } = await open({ lists, names }).run('{ us(ids: ["C", "D"]) { id name strict } }');
    expect(data).toEqual({ us: [{ id: 'C', name: 'c', strict: 'C' }, null] });
    expect(errors?.map(({ path, message, extensions }) => [path, message, extensions['code']])).toEqual([
      [['us', 1, 'name'], 'no D', 'NOT_FOUND'],
      [['us', 1, 'strict'], 'no D', 'NOT_FOUND'],
    ]);
  });
});

describe('an error under a name that only the plan knows', () => {
  const fail = (what: string) => () => Promise.reject(new AegisError('CONFLICT', what));
  const inner = (what: string) => () => ({ x: what });

  it('is told under the client’s', async () => {
    const a: TestSubgraph = {
      typeDefs: `
        type Query { items: [Item] entity: E }
        union Item = A | B
        type A { one: Inner } type B { two: Inner }
        type Inner { x: String bad: Int worse: Int }
        type E @key(fields: "id") { id: ID! }`,
      resolvers: {
        Query: { items: () => [{ __typename: 'A' }, { __typename: 'B' }], entity: () => ({ id: 1 }) },
        A: { one: inner('a') },
        B: { two: inner('b') },
        Inner: { bad: fail('bad'), worse: fail('worse') },
      },
    };
    const b: TestSubgraph = {
      typeDefs: `
        type E @key(fields: "id") { id: ID! things: [[Thing]] }
        union Thing = X | Y
        type X { one: Int } type Y { two: Int }`,
      resolvers: {
        E: { things: () => [[{ __typename: 'X' }], [{ __typename: 'Y' }]] },
        X: { one: fail('no X') },
        Y: { two: fail('no Y') },
      },
    };
    const { data, errors } = await open({ a, b }).run(`{
      items { ... on A { v: one { x f: bad } } ... on B { v: two { x f: worse } } }
      entity { things { ... on X { w: one } ... on Y { w: two } } }
    }`);
    expect(data).toEqual({
      items: [{ v: { x: 'a', f: null } }, { v: { x: 'b', f: null } }],
      entity: { things: [[{ w: null }], [{ w: null }]] },
    });
    expect(errors?.map(({ path, message }) => [path?.join('.'), message])).toEqual([
      ['items.0.v.f', 'bad'],
      ['items.1.v.f', 'worse'],
      ['entity.things.0.0.w', 'no X'],
      ['entity.things.1.0.w', 'no Y'],
    ]);
  });
});

describe('a key or a required field that is missing', () => {
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { ps: [P] }
      type P @key(fields: "id") { id: ID! size: Size name: String }
      type Size { w: Int! h: Int }`,
    resolvers: {
      Query: {
        ps: () => [
          { id: '1', size: { w: 1 } },
          { id: '2', size: {} },
          { id: '3', size: null },
        ],
      },
    },
  };
  const post: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") { id: ID! size: Size @external cost: Int @requires(fields: "size { w }") }
      type Size { w: Int! @external }`,
    resolvers: { P: { cost: ({ size }: { size: { w: number } | null }) => (size ? size.w * 2 : -1) } },
  };

  it('costs the fields that need it, with the error that it has itself', async () => {
    const gateway = open({ shop, post });
    const { data, errors } = await gateway.run('{ ps { id cost } }');
    expect(data).toEqual({
      ps: [
        { id: '1', cost: 2 },
        { id: '2', cost: -1 },
        { id: '3', cost: -1 },
      ],
    });
    // `size` itself became null in its subgraph; the client did not ask for it, so the error stands at its owner.
    expect(pathsOf(errors)).toEqual([['ps', 1]]);
  });

  it('costs only the objects without it, with one error at each field, when its subgraph leaves it out', async () => {
    const gateway = open(
      { shop, post },
      answering('shop', () => ({
        data: { ps: [{ __typename: 'P' }, { __typename: 'P', id: '1', size: { w: 4 } }] },
      })),
    );
    const { data, errors } = await gateway.run('{ ps { id cost c: cost } }');
    expect(data).toEqual({ ps: [null, { id: '1', cost: 8, c: 8 }] });
    expect(
      errors?.map(({ path, extensions }) => [path?.join('.'), extensions['code'], extensions['subgraph']]),
    ).toEqual([['ps.0.id', 'UPSTREAM_FAILED', 'shop']]);
  });

  it('has the reason of the fetch that should have brought it', async () => {
    const middle: TestSubgraph = {
      typeDefs: 'type P @key(fields: "id") @key(fields: "sku") { id: ID! sku: ID! }',
      resolvers: { P: { __resolveReference: () => ({ sku: 's' }) } },
    };
    const last: TestSubgraph = {
      typeDefs: 'type P @key(fields: "sku") { sku: ID! stock: Int }',
      resolvers: { P: { stock: () => 1 } },
    };
    const down = answering('middle', () => Promise.reject(new AegisError('UPSTREAM_TIMEOUT', 'too slow')));
    const { data, errors } = await open({ shop, middle, last }, down).run('{ ps { id stock } }');
    expect(data).toEqual({ ps: ['1', '2', '3'].map((id) => ({ id, stock: null })) });
    expect(errors?.map(({ path, extensions }) => [path, extensions['code'], extensions['subgraph']])).toEqual(
      [0, 1, 2].map((index) => [['ps', index, 'stock'], 'UPSTREAM_TIMEOUT', 'middle']),
    );
  });
});

describe('what a subgraph should not answer', () => {
  it.each([
    ['an object in the place of a list', { rows: { a: 1 } }],
    [
      'lists in lists without end',
      { rows: JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown },
    ],
  ])('is null with an error that names it: %s', async (_what, data) => {
    const gateway = open(
      { lists, names },
      answering('lists', () => ({ data })),
    );
    const result = await gateway.run('{ rows { id name } }');
    expect(result.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_FAILED', subgraph: 'lists' });
  });

  it('is named where an alias, arguments and another fetch lie on the way to it', async () => {
    const gateway = open(
      { lists, names },
      answering('names', () => ({ data: { _entities: [{ name: [] }] } })),
    );
    const { errors } = await gateway.run('{ first: one { id called: name } }');
    expect(errors?.[0]).toMatchObject({ path: ['first', 'called'], extensions: { subgraph: 'names' } });
  });

  it.each<[string, SubgraphResponse, string]>([
    ['no list of entities', { data: { _entities: { id: 1 } } }, 'expected a list of entities'],
    ['too short a list', { data: { _entities: [] } }, 'expected an entity or null'],
    ['entities that are none', { data: { _entities: ['A'] } }, 'expected an entity or null'],
    ['no entities, with an error', { data: null, errors: [{ message: 'broken' }] }, 'broken'],
    [
      'no entities, with an error of one of them',
      { errors: [{ message: 'broken', path: ['_entities', 7, 'name'] }] },
      'broken',
    ],
    ['an error without a place', { data: { _entities: [null] }, errors: [{ message: 'broken' }] }, 'broken'],
  ])('is an error at the fields that it costs: %s', async (_what, answer, message) => {
    const { data, errors } = await open(
      { lists, names },
      answering('names', () => answer),
    ).run('{ one { id name } }');
    expect(data).toEqual({ one: { id: 'A', name: null } });
    expect(errors?.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['one', 'name'], 'UPSTREAM_FAILED'],
    ]);
    expect(errors?.[0]?.message).toContain(message);
  });

  it('is told even where it costs nothing', async () => {
    const answer = { data: { _entities: [{ name: 'a' }] }, errors: [{ message: 'low on disk' }] };
    const { data, errors } = await open(
      { lists, names },
      answering('names', () => answer),
    ).run('{ one { name } }');
    expect(data).toEqual({ one: { name: 'a' } });
    expect(errors?.map(({ path, message }) => [path, message])).toEqual([[undefined, 'low on disk']]);
  });

  it('may come from root fields as well: data and an error without a path, or no data at all', async () => {
    const partial = { data: { one: { __typename: 'U', id: 'A' } }, errors: [{ message: 'low on disk' }] };
    expect(
      await open(
        { lists },
        answering('lists', () => partial),
      ).run('{ one { id } }'),
    ).toMatchObject({
      data: { one: { id: 'A' } },
      errors: [{ message: 'low on disk' }],
    });
    const none = { data: null, errors: [{ message: 'out of disk' }] };
    const { data, errors } = await open(
      { lists },
      answering('lists', () => none),
    ).run('{ one { id } a: one { id } }');
    expect(data).toEqual({ one: null, a: null });
    expect(pathsOf(errors)).toEqual([['one'], ['a']]);
  });

  it('keeps nothing of how it would set the gateway’s own response, nor its stack', async () => {
    const extensions = {
      http: { status: 99 },
      stacktrace: ['secret'],
      exception: { secret: 1 },
      code: 7,
      hint: 'kept',
    };
    const answer = { data: null, errors: [{ message: 'broken', extensions }] };
    const { errors } = await open(
      { lists },
      answering('lists', () => answer),
    ).run('{ one { id } }');
    expect(errors?.[0]?.extensions).toEqual({
      code: 'UPSTREAM_FAILED',
      retryable: false,
      hint: 'kept',
      subgraph: 'lists',
    });
  });

  it('does not make the client guilty of what the gateway asked', async () => {
    const answer = {
      errors: [{ message: 'Cannot query field', extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    };
    const { errors } = await open(
      { lists },
      answering('lists', () => answer),
    ).run('{ one { id } }');
    expect(errors?.[0]?.extensions['code']).toBe('UPSTREAM_FAILED');
  });

  it('of lists of different length keeps the first, and says what the second lost', async () => {
    const typeDefs = (field: string) => `
      type Query { l: [V] @shareable }
      type V @shareable { ${field}: Int }`;
    const a: TestSubgraph = {
      typeDefs: typeDefs('x'),
      resolvers: { Query: { l: () => [{ x: 1 }, { x: 2 }] } },
    };
    const b: TestSubgraph = { typeDefs: typeDefs('y'), resolvers: { Query: { l: () => [{ y: 1 }] } } };
    const { data, errors } = await open({ a, b }).run('{ l { x y } }');
    expect(data).toEqual({
      l: [
        { x: 1, y: null },
        { x: 2, y: null },
      ],
    });
    expect(errors?.map(({ path, extensions }) => [path, extensions['code'], extensions['reason']])).toEqual([
      [['l', 0, 'y'], 'UPSTREAM_FAILED', 'SHAREABLE_LIST_MISMATCH'],
      [['l', 1, 'y'], 'UPSTREAM_FAILED', 'SHAREABLE_LIST_MISMATCH'],
    ]);
    const empty: TestSubgraph = { ...a, resolvers: { Query: { l: () => [] } } };
    const lost = await open({ a: empty, b }).run('{ l { x y } }');
    expect(lost).toMatchObject({
      data: { l: [] },
      errors: [{ extensions: { reason: 'SHAREABLE_LIST_MISMATCH', subgraph: 'b' } }],
    });
    expect(lost.errors).toHaveLength(1);
  });
});

describe('whether an error says that the same may be tried again', () => {
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { one: P }
      type Mutation { buy: P }
      type P @key(fields: "id") { id: ID! }`,
    resolvers: { Query: { one: () => ({ id: '1' }) }, Mutation: { buy: () => ({ id: '1' }) } },
  };
  const stock: TestSubgraph = {
    typeDefs: 'type P @key(fields: "id") { id: ID! units: Int }',
    resolvers: { P: { units: () => 1 } },
  };
  const ONE = '{ one { units } }';
  const BUY = 'mutation { buy { units } }';
  const reported = (extensions?: Record<string, unknown>) => () => ({
    data: null,
    errors: [{ message: 'broken', ...(extensions && { extensions }) }],
  });
  const thrown = (code: ErrorCode, cause?: string) => () => {
    throw new AegisError(code, 'not there', cause === undefined ? {} : { cause: { code: cause } });
  };
  const UNTOLD = 'a reported error without a code';

  it.each<[string, string, string, () => SubgraphResponse, boolean]>([
    [UNTOLD, ONE, 'shop', reported(), false],
    [UNTOLD, BUY, 'shop', reported(), false],
    ['one that says so', ONE, 'shop', reported({ retryable: true }), true],
    ['one that says so of a mutation', BUY, 'shop', reported({ retryable: true }), false],
    ['one whose code says so', ONE, 'shop', reported({ code: 'UNAVAILABLE' }), true],
    ['one whose code says so of a mutation', BUY, 'shop', reported({ code: 'UNAVAILABLE' }), false],
    ['a mutation that its subgraph did not begin', BUY, 'shop', reported({ code: 'RATE_LIMITED' }), true],
    ['a request it refuses', ONE, 'shop', reported({ code: 'GRAPHQL_VALIDATION_FAILED' }), false],
    ['a lost connection', ONE, 'shop', thrown('UPSTREAM_FAILED', 'ECONNRESET'), true],
    ['a lost connection of a mutation', BUY, 'shop', thrown('UPSTREAM_FAILED', 'ECONNRESET'), false],
    ['a mutation that took too long', BUY, 'shop', thrown('UPSTREAM_TIMEOUT'), false],
    ['a mutation that was not sent', BUY, 'shop', thrown('UPSTREAM_FAILED', 'ECONNREFUSED'), true],
    ['a mutation that was held back', BUY, 'shop', thrown('UNAVAILABLE'), true],
    ['what completes a query', ONE, 'stock', thrown('UPSTREAM_FAILED', 'ECONNREFUSED'), true],
    ['what completes a mutation', BUY, 'stock', thrown('UPSTREAM_FAILED', 'ECONNREFUSED'), false],
    ['what completes it, limited', BUY, 'stock', reported({ code: 'RATE_LIMITED' }), false],
  ])('%s in %s at %s', async (_what, query, subgraph, answer, retryable) => {
    const { errors } = await open({ shop, stock }, answering(subgraph, answer)).run(query);
    expect(errors?.map(({ extensions }) => extensions['retryable'])).toEqual([retryable]);
  });
});

describe('a failure that nobody foresaw', () => {
  it('costs its own fields, and is no error of a subgraph that would be told as it is', async () => {
    const boom = answering('names', () => {
      throw new TypeError('undefined is not a secret');
    });
    const { data, errors } = await open({ lists, names }, boom).run('{ one { id name } }');
    expect(data).toEqual({ one: { id: 'A', name: null } });
    expect(errors).toHaveLength(1);
    expect(errors?.[0]).toMatchObject({
      path: ['one', 'name'],
      originalError: { message: 'undefined is not a secret' },
    });
    expect(errors?.[0]?.name).not.toBe('UpstreamError');
  });
});

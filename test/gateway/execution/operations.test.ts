import { describe, expect, it } from '@jest/globals';
import { closeGatewaysAfterEach, dataOf } from '../../support/opened-gateways.js';
import type { TestSubgraph } from '../../support/test-gateway.js';

const open = closeGatewaysAfterEach();

describe('the root', () => {
  const self: TestSubgraph = {
    typeDefs: `
      type Query { self: Query @shareable a: Int }
      type Mutation { change: Changed }
      type Changed { query: Query n: Int }`,
    resolvers: { Query: { self: () => ({}), a: () => 1 }, Mutation: { change: () => ({ query: {}, n: 2 }) } },
  };
  const other: TestSubgraph = { typeDefs: 'type Query { b: Int }', resolvers: { Query: { b: () => 2 } } };

  it('may be reached again from inside, by queries and mutations', async () => {
    const gateway = open({ self, other });
    expect(await dataOf(gateway, '{ self { a b self { b __typename } } }')).toEqual({
      self: { a: 1, b: 2, self: { b: 2, __typename: 'Query' } },
    });
    expect(await dataOf(gateway, 'mutation { change { n query { a b } } }')).toEqual({
      change: { n: 2, query: { a: 1, b: 2 } },
    });
  });

  it('answers what is asked about the schema, whatever else has the same name further down', async () => {
    const gateway = open({ self, other });
    expect(await dataOf(gateway, '{ s: __schema { queryType { name } } self { s: a } }')).toEqual({
      s: { queryType: { name: 'Query' } },
      self: { s: 1 },
    });
  });
});

describe('variables', () => {
  const typeDefs = `
    type Query { echo(text: String = "d", on: On, list: [Int!]): P }
    input On { a: Int = 5 b: E }
    enum E { X Y }
    type P @key(fields: "id") { id: ID! said: String }`;
  const a: TestSubgraph = {
    typeDefs,
    resolvers: {
      Query: { echo: (_parent: unknown, args: unknown) => ({ id: 1, said: JSON.stringify(args) }) },
    },
  };
  const b: TestSubgraph = {
    typeDefs: 'type P @key(fields: "id") { id: ID! times(n: Int!): Int }',
    resolvers: { P: { times: (_parent: unknown, { n }: { n: number }) => n * 2 } },
  };

  it('go to those subgraphs whose fields use them, with their defaults, and absent ones stay absent', async () => {
    const gateway = open({ a, b });
    const query = 'query ($t: String, $o: On, $n: Int! = 4) { echo(text: $t, on: $o) { said times(n: $n) } }';
    expect(await dataOf(gateway, query, { o: { b: 'Y' } })).toEqual({
      echo: { said: '{"text":"d","on":{"a":5,"b":"Y"}}', times: 8 },
    });
    expect(gateway.fetches.map(({ variables }) => Object.keys(variables))).toEqual([
      ['o'],
      ['n', 'representations'],
    ]);
    expect(await dataOf(gateway, query, { t: null, n: 0 })).toEqual({
      echo: { said: '{"text":null}', times: 0 },
    });
  });

  it('may have the name of the one for entities, and decide conditions under it', async () => {
    const gateway = open({ a, b });
    const query = `query ($representations: Int!, $r: Boolean = true) {
      echo { times(n: $representations) ... @include(if: $r) { said } }
    }`;
    expect(await dataOf(gateway, query, { representations: 4 })).toEqual({
      echo: { times: 8, said: '{"text":"d"}' },
    });
    const condition =
      'query ($representations: Boolean!) { echo { times(n: 1) @include(if: $representations) said } }';
    expect(await dataOf(gateway, condition, { representations: false })).toEqual({
      echo: { said: '{"text":"d"}' },
    });
    expect(await dataOf(gateway, condition, { representations: true })).toEqual({
      echo: { times: 2, said: '{"text":"d"}' },
    });
  });

  it('of conditions must not be null', async () => {
    const { data, errors } = await open({ a, b }).run(
      'query ($i: Boolean = true) { echo { said @include(if: $i) } }',
      { i: null },
    );
    expect(data).toBeUndefined();
    expect(errors?.[0]?.message).toContain('"$i"');
  });
});

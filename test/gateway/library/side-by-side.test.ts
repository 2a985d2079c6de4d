import { ApolloGateway, LocalGraphQLDataSource } from '@apollo/gateway';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult, GraphQLSchema } from 'graphql';
import { SHOP_QUERY, SMALL_QUERY } from '../../../bench/shop/shop-query.js';
import { AegisGateway } from '../../../gateway/library/aegis-gateway.js';
import { startApolloApp, type ApolloApp, type AskOptions } from '../../support/apollo-app.js';
import { composeTestSupergraph, toLocal, type TestSubgraph } from '../../support/test-gateway.js';
import { serveShop, type ServedShop } from './shop.js';

/** Both gateways over the same subgraphs, each in an Apollo Server of its own. */
interface Both {
  readonly apps: { readonly theirs: ApolloApp; readonly ours: ApolloApp };
  /** What each of them answers. */
  ask(query: string, options?: AskOptions): Promise<{ theirs: Answer; ours: Answer }>;
  stop(): Promise<void>;
}

interface Answer {
  readonly data: unknown;
  /** Where errors are, as texts. */
  readonly errors: readonly string[];
}

beforeAll(() => {
  // Apollo's gateway would tell its makers of each start.
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';
});

const ignore = () => undefined;
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore };

async function openBoth(
  supergraphSdl: string,
  schemaOf: (name: string) => GraphQLSchema | undefined,
): Promise<Both> {
  const buildService = ({ name }: { name: string }) => {
    const schema = schemaOf(name);
    if (!schema) throw new Error(`there is no subgraph ${name}`);
    return new LocalGraphQLDataSource(schema);
  };
  const theirs = await startApolloApp(new ApolloGateway({ supergraphSdl, buildService, logger: SILENT }));
  const ours = await startApolloApp(new AegisGateway({ supergraphSdl, buildService, planningThread: false }));
  return {
    apps: { theirs, ours },
    async ask(query, options) {
      return { theirs: await read(theirs, query, options), ours: await read(ours, query, options) };
    },
    async stop() {
      await theirs.stop();
      await ours.stop();
    },
  };
}

async function read(app: ApolloApp, query: string, options?: AskOptions): Promise<Answer> {
  const { data, errors = [] } = (await app.ask(query, options)).json as ExecutionResult;
  return { data, errors: errors.map(({ path = [] }) => path.join('.')) };
}

describe('both gateways', () => {
  let shop: ServedShop;
  let both: Both;
  beforeAll(async () => {
    shop = await serveShop();
    both = await openBoth(shop.supergraphSdl, (name) => shop.schemas[name]);
  });
  afterAll(async () => {
    await both.stop();
    await shop.close();
  });

  it.each([
    ['the small query of the bench', SMALL_QUERY, {}],
    ['the large one', SHOP_QUERY, {}],
    [
      'aliases',
      '{ a: topProducts(first: 1) { x: name y: upc } b: topProducts(first: 2) { name: price } }',
      {},
    ],
    ['nested hops', '{ me { reviews { product { name inStock reviews { id } } } } }', {}],
    ['required fields', '{ topProducts { shippingEstimate } }', {}],
    ['provided fields', '{ topProducts { reviews { author { username name } } } }', {}],
    ['fragments', 'query { me { ...U } } fragment U on User { id ... on User { name __typename } }', {}],
    [
      'variables and conditions',
      'query ($n: Int, $yes: Boolean!) { topProducts(first: $n) { upc name @include(if: $yes) price @skip(if: $yes) } }',
      { variables: { n: 3, yes: true } },
    ],
    [
      'conditions the other way',
      'query ($n: Int, $yes: Boolean!) { topProducts(first: $n) { upc name @include(if: $yes) price @skip(if: $yes) } }',
      { variables: { n: 3, yes: false } },
    ],
    ['a null at the root', '{ user(id: "9") { id name } }', {}],
    ['__typename', '{ __typename me { __typename reviews { __typename } } }', {}],
    ['introspection beside data', '{ __type(name: "Product") { fields { name } } me { id } }', {}],
    ['one of several operations', 'query A { me { id } } query B { users { id } }', { operationName: 'B' }],
    ['an invalid operation', '{ me { nothing } }', {}],
    [
      'a variable of the wrong type',
      'query ($n: Int) { topProducts(first: $n) { upc } }',
      { variables: { n: 'x' } },
    ],
  ])('give the same data for %s', async (_name, query, options: AskOptions) => {
    const { theirs, ours } = await both.ask(query, options);
    expect(ours.data).toEqual(theirs.data);
    expect(ours.errors.length === 0).toBe(theirs.errors.length === 0);
  });
});

/** What is right is what one subgraph that had everything would answer. */
interface Row {
  readonly name: string;
  readonly subgraphs: Readonly<Record<string, TestSubgraph>>;
  readonly query: string;
  readonly right: Answer;
  readonly theirs: Answer;
}

const THING: Readonly<Record<string, TestSubgraph>> = {
  a: {
    typeDefs: `
      type Query { p: P }
      type P @key(fields: "id") { id: ID! name: String weight: Int }`,
    resolvers: { Query: { p: () => ({ id: '1', name: 'the name', weight: 3 }) } },
  },
  b: {
    typeDefs: `
      type P @key(fields: "id") { id: ID! weight: Int @external ship: String @requires(fields: "weight") }`,
    resolvers: {
      P: {
        ship: ({ id, weight }: { id: string; weight?: unknown }) => `${id} weighs ${String(weight)}`,
      },
    },
  },
};

const FEED: Readonly<Record<string, TestSubgraph>> = {
  feed: {
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
  },
  owners: {
    typeDefs: 'type Owner @key(fields: "id") { id: ID! media(size: Int!): String }',
    resolvers: {
      Owner: { media: ({ id }: { id: string }, { size }: { size: number }) => `${id} at ${size}` },
    },
  },
};

const STRICT: Readonly<Record<string, TestSubgraph>> = {
  a: {
    typeDefs: `
      type Query { p: P }
      type P @key(fields: "id") { id: ID! }`,
    resolvers: { Query: { p: () => ({ id: '1' }) } },
  },
  b: {
    typeDefs: 'type P @key(fields: "id") { id: ID! strict: Int! }',
    resolvers: { P: { __resolveReference: () => null } },
  },
};

const ROWS: readonly Row[] = [
  {
    name: 'an alias that is the name of a key',
    subgraphs: THING,
    query: '{ p { id: name ship } }',
    right: { data: { p: { id: 'the name', ship: '1 weighs 3' } }, errors: [] },
    theirs: { data: { p: { id: '1', ship: '1 weighs 3' } }, errors: [] },
  },
  {
    name: 'other arguments behind conditions on types that exclude each other',
    subgraphs: FEED,
    query:
      '{ feed { ... on Photo { owner { media(size: 216) } } ... on Video { owner { media(size: 640) } } } }',
    right: {
      data: { feed: [{ owner: { media: 'p at 216' } }, { owner: { media: 'v at 640' } }] },
      errors: [],
    },
    theirs: {
      data: { feed: [{ owner: { media: 'p at 216' } }, { owner: { media: 'v at 216' } }] },
      errors: [],
    },
  },
  {
    name: 'what may not be null and is, which is an error',
    subgraphs: STRICT,
    query: '{ p { id strict } }',
    right: { data: { p: null }, errors: ['p.strict'] },
    theirs: { data: { p: null }, errors: [] },
  },
];

describe('where the gateways differ, ours is right', () => {
  it.each(ROWS)('about $name', async ({ subgraphs, query, right, theirs }) => {
    const both = await openBoth(
      composeTestSupergraph(subgraphs),
      (name) => toLocal(name, subgraphs[name]).schema,
    );
    try {
      expect(await both.ask(query)).toEqual({ ours: right, theirs });
    } finally {
      await both.stop();
    }
  });

  it('about who is to blame for an error: the subgraph by name, with a code that says whether to try again', async () => {
    const subgraphs: Readonly<Record<string, TestSubgraph>> = {
      a: {
        typeDefs: 'type Query { fails: Int }',
        resolvers: { Query: { fails: () => Promise.reject(new Error('no more')) } },
      },
    };
    const both = await openBoth(
      composeTestSupergraph(subgraphs),
      (name) => toLocal(name, subgraphs[name]).schema,
    );
    try {
      const { theirs, ours } = both.apps;
      const at = { message: 'no more', path: ['fails'] };
      expect((await theirs.ask('{ fails }')).json.errors).toMatchObject([
        { ...at, extensions: { code: 'DOWNSTREAM_SERVICE_ERROR', serviceName: 'a' } },
      ]);
      expect((await ours.ask('{ fails }')).json.errors).toMatchObject([
        { ...at, extensions: { code: 'UPSTREAM_FAILED', retryable: false, subgraph: 'a' } },
      ]);
    } finally {
      await both.stop();
    }
  });
});

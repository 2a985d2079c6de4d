import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { createCachingOf } from '../../../gateway/transports/schema-caching.js';
import { CACHE_CONTROL } from '../../support/apollo-subgraph.js';

const thing = {
  __typename: 'Thing',
  name: 'a',
  part: { name: 'b' },
  kept: { name: 'c' },
  inner: { name: 'd' },
  short: 'e',
  secret: 'f',
};
const schema = buildSubgraphSchema([
  {
    typeDefs: parse(`${CACHE_CONTROL}
      type Query {
        bare: String
        hinted: String @cacheControl(maxAge: 50)
        hidden: String @cacheControl(maxAge: 50, scope: PRIVATE)
        thing: Thing
        longThing: Thing @cacheControl(maxAge: 200)
        zero: Thing @cacheControl(maxAge: 0)
        secretThing: Thing @cacheControl(scope: PRIVATE)
        bareThing: Bare
        inherits: Bare @cacheControl(inheritMaxAge: true)
        either: Either @cacheControl(maxAge: 80)
        face: Face
      }
      type Thing @key(fields: "name") @cacheControl(maxAge: 100) {
        name: String
        part: Bare
        kept: Bare @cacheControl(inheritMaxAge: true)
        inner: Inner
        short: String @cacheControl(maxAge: 5)
        secret: String @cacheControl(scope: PRIVATE)
      }
      type Inner @cacheControl(inheritMaxAge: true) { name: String }
      type Bare @key(fields: "name") { name: String }
      union Either @cacheControl(maxAge: 70) = Thing | Bare
      interface Face @cacheControl(maxAge: 40) { name: String mood: String }
      type Smile implements Face {
        name: String
        mood: String @cacheControl(maxAge: 7, scope: PRIVATE)
        wide: String @cacheControl(maxAge: 3)
      }
      interface Pet @key(fields: "name") @cacheControl(maxAge: 40) { name: String }
      type Cat implements Pet @key(fields: "name") @cacheControl(maxAge: 20, scope: PRIVATE) { name: String }`),
    resolvers: {
      Query: {
        ...Object.fromEntries(['bare', 'hinted', 'hidden'].map((name) => [name, () => name])),
        ...Object.fromEntries(
          ['thing', 'longThing', 'zero', 'secretThing'].map((name) => [name, () => thing]),
        ),
        bareThing: () => ({ name: 'b' }),
        inherits: () => ({ name: 'b' }),
        either: () => thing,
        face: () => ({ __typename: 'Smile', name: 's', mood: 'm', wide: 'w' }),
      },
      Thing: { __resolveReference: () => thing },
      Bare: { __resolveReference: () => ({ name: 'b' }) },
      Cat: { __resolveReference: () => ({ name: 'c' }) },
    },
  },
]);

describe('the policy of a subgraph in this process', () => {
  const apollo = new ApolloServer({
    schema,
    plugins: [ApolloServerPluginInlineTraceDisabled()],
    stopOnTerminationSignals: false,
  });
  beforeAll(() => apollo.start());
  afterAll(() => apollo.stop());

  /** What Apollo Server says of a query that it has executed. */
  async function askApollo(query: string): Promise<string | undefined> {
    const { headers } = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: 'POST',
        headers: new HeaderMap([['content-type', 'application/json']]),
        search: '',
        body: { query },
      },
      context: () => Promise.resolve({}),
    });
    return headers.get('cache-control');
  }

  it.each([
    '{ bare }',
    '{ hinted }',
    '{ hinted bare }',
    '{ hinted hidden }',
    '{ thing { name } }',
    '{ longThing { name } }',
    '{ longThing { name short } }',
    '{ longThing { name secret } }',
    '{ zero { name } }',
    '{ secretThing { name } }',
    '{ thing { part { name } } }',
    '{ thing { kept { name } } }',
    '{ thing { inner { name } } }',
    '{ bareThing { name } }',
    '{ inherits { name } }',
    '{ either { __typename } }',
    '{ either { ... on Thing { name short } } }',
    '{ face { name } }',
    '{ face { mood } }',
    '{ face { ... on Smile { wide } } }',
    '{ hinted ...Rest } fragment Rest on Query { longThing { ...Name } } fragment Name on Thing { name short }',
    '{ _entities(representations: [{ __typename: "Thing", name: "a" }]) { ... on Thing { name } } }',
    '{ _entities(representations: [{ __typename: "Thing", name: "a" }]) { ... on Thing { short } } }',
    '{ _entities(representations: [{ __typename: "Bare", name: "b" }]) { ... on Bare { name } } }',
    '{ _entities(representations: [{ __typename: "Cat", name: "c" }]) { ... on Pet { name } } }',
  ])('is that of Apollo Server: %s', async (query) => {
    const caching = createCachingOf(schema)(parse(query));
    const said = caching ? `max-age=${caching.maxAgeMs / 1_000}, ${caching.scope}` : 'no-store';
    expect(said).toBe(await askApollo(query));
  });

  it('counts what fragments ask for whether or not their condition is met', () => {
    const query = '{ either { ... on Thing { name } ... on Bare { __typename } ... on Thing { short } } }';
    expect(createCachingOf(schema)(parse(query))?.maxAgeMs).toBe(5_000);
  });

  it('is none for mutations, and where the schema does not know the directive', () => {
    const bare = buildSubgraphSchema([{ typeDefs: parse('type Query { a: Int }'), resolvers: {} }]);
    expect(createCachingOf(bare)(parse('{ a }'))).toBeUndefined();
    expect(createCachingOf(schema)(parse('mutation { a }'))).toBeUndefined();
  });
});

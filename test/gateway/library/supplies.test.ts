import { IntrospectAndCompose, LocalGraphQLDataSource, RemoteGraphQLDataSource } from '@apollo/gateway';
import type { GatewayGraphQLResponse } from '@apollo/server-gateway-interface';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { graphql, getIntrospectionQuery, parse } from 'graphql';
import { SHOP_QUERY } from '../../../bench/shop/shop-query.js';
import { AegisGateway } from '../../../gateway/library/aegis-gateway.js';
import type { AegisGatewayConfig } from '../../../gateway/library/gateway-config.js';
import { startApolloApp, type ApolloApp } from '../../support/apollo-app.js';
import { serveShop, type ServedShop } from './shop.js';

type Supply = (shop: ServedShop) => AegisGatewayConfig;

/** Every way in which users of Apollo's gateway say where the supergraph is and how subgraphs are reached. */
const SUPPLIES: Readonly<Record<string, Supply>> = {
  'SDL, over HTTP, planned in a thread': ({ supergraphSdl }) => ({ supergraphSdl, planningThread: true }),
  'a function': ({ supergraphSdl }) => ({ supergraphSdl: () => Promise.resolve({ supergraphSdl }) }),
  'IntrospectAndCompose, over HTTP': ({ endpoints }) => ({
    supergraphSdl: new IntrospectAndCompose({ subgraphs: [...endpoints], subgraphHealthCheck: true }),
  }),
  'IntrospectAndCompose with RemoteGraphQLDataSource': ({ endpoints }) => ({
    supergraphSdl: new IntrospectAndCompose({ subgraphs: [...endpoints] }),
    buildService: ({ url }) => new RemoteGraphQLDataSource(url === undefined ? {} : { url }),
  }),
  'SDL with RemoteGraphQLDataSource, once all subgraphs are well': ({ supergraphSdl }) => ({
    supergraphSdl,
    serviceHealthCheck: true,
    buildService: ({ url }) => new RemoteGraphQLDataSource({ url: url ?? '' }),
  }),
  'SDL with LocalGraphQLDataSource': ({ supergraphSdl, schemas }) => ({
    supergraphSdl,
    buildService: ({ name }) => new LocalGraphQLDataSource(schemas[name] ?? missing(name)),
  }),
  'SDL with a data source of one’s own': ({ supergraphSdl, schemas }) => ({
    supergraphSdl,
    buildService: ({ name }) => ({
      async process({ request: { query = '', variables } }) {
        const result = await graphql({
          schema: schemas[name] ?? missing(name),
          source: query,
          variableValues: variables ?? {},
        });
        return JSON.parse(JSON.stringify(result)) as GatewayGraphQLResponse;
      },
    }),
  }),
};

function missing(name: string): never {
  throw new Error(`the shop has no subgraph ${name}`);
}

let shop: ServedShop;
beforeAll(async () => {
  shop = await serveShop();
});
afterAll(async () => {
  await shop.close();
});

describe.each(Object.entries(SUPPLIES))('a gateway with %s', (_name, supply) => {
  let gateway: AegisGateway;
  let app: ApolloApp;

  beforeAll(async () => {
    gateway = new AegisGateway({ planningThread: false, ...supply(shop) });
    app = await startApolloApp(gateway);
  });
  afterAll(async () => {
    await app.stop();
  });

  it('answers from four subgraphs', async () => {
    const { status, json } = await app.ask(SHOP_QUERY);
    expect(status).toBe(200);
    expect(json.errors).toBeUndefined();
    const [table] = json.data.topProducts;
    expect(table).toMatchObject({ upc: '1', name: 'Table', inStock: true, shippingEstimate: 50 });
    expect(table.reviews[0].author).toMatchObject({ id: '1', username: 'uri', name: 'Uri of the shop' });
    expect(json.data.users).toHaveLength(6);
  });

  it('takes variables and the name of an operation', async () => {
    const { json } = await app.ask(
      'query A($first: Int!) { topProducts(first: $first) { name } } query B { me { id } }',
      { variables: { first: 2 }, operationName: 'A' },
    );
    expect(json).toEqual({ data: { topProducts: [{ name: 'Table' }, { name: 'Couch' }] } });
  });

  it('refuses what is not valid, and variables of the wrong type', async () => {
    const invalid = await app.ask('{ nothing }');
    expect(invalid.status).toBe(400);
    expect(invalid.json.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    const wrong = await app.ask('query ($first: Int!) { topProducts(first: $first) { name } }', {
      variables: { first: 'two' },
    });
    expect(wrong.json.data).toBeUndefined();
    expect(wrong.json.errors[0].message).toContain('$first');
  });

  it('answers introspection with what clients may see', async () => {
    const { json } = await app.ask(getIntrospectionQuery());
    const { types } = json.data.__schema as { types: readonly { name: string }[] };
    const names = types.map(({ name }) => name);
    expect(names).toContain('Product');
    expect(names).not.toContain('join__Graph');
  });

  it('tells of its schema and of its health', async () => {
    expect(gateway.schema?.getQueryType()?.getFields()).toHaveProperty('topProducts');
    await expect(gateway.serviceHealthCheck()).resolves.toBeUndefined();
    expect(parse(gateway.gateway.current.snapshot.sdl).definitions.length).toBeGreaterThan(0);
  });
});

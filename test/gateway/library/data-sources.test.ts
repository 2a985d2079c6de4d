import {
  LocalGraphQLDataSource,
  RemoteGraphQLDataSource,
  type GraphQLDataSource as ApolloDataSource,
} from '@apollo/gateway';
import type { ApolloServerPlugin } from '@apollo/server';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GraphQLError } from 'graphql';
import { AegisGateway } from '../../../gateway/library/aegis-gateway.js';
import type { GraphQLDataSource } from '../../../gateway/library/data-source.js';
import type { AegisGatewayConfig } from '../../../gateway/library/gateway-config.js';
import { startApolloApp, type ApolloApp, type ApolloAppOptions } from '../../support/apollo-app.js';
import { serveShop, type ServedShop } from './shop.js';

const TWO_SUBGRAPHS = '{ topProducts(first: 1) { upc inStock } }';

let shop: ServedShop;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  shop = await serveShop();
  closing = [() => shop.close()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function start(
  config: Partial<AegisGatewayConfig>,
  options: ApolloAppOptions = {},
): Promise<ApolloApp> {
  const gateway = new AegisGateway({
    supergraphSdl: shop.supergraphSdl,
    planningThread: false,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    ...config,
  });
  const app = await startApolloApp(gateway, options);
  closing.push(() => app.stop());
  return app;
}

function ignore(): void {
  // Nobody reads the log of these tests.
}

/** The same data source for each subgraph, but for its address. */
function remote(hooks: Partial<RemoteGraphQLDataSource>): Partial<AegisGatewayConfig> {
  return { buildService: ({ url }) => new RemoteGraphQLDataSource({ url: url ?? '', ...hooks }) };
}

describe('a RemoteGraphQLDataSource with hooks', () => {
  it('sends headers on that the server’s context has', async () => {
    const app = await start(
      remote({
        willSendRequest({ request, context }) {
          request.http?.headers.set('x-user', String(context['user']));
        },
      }),
      { context: (request) => ({ user: request.headers['x-user'] }) },
    );
    await app.ask(TWO_SUBGRAPHS, { headers: { 'x-user': 'ada' } });
    expect(shop.server('products').requests.map((headers) => headers['x-user'])).toEqual(['ada']);
    expect(shop.server('inventory').requests.map((headers) => headers['x-user'])).toEqual(['ada']);
  });

  it('is told of the client’s request as Apollo’s gateway tells it', async () => {
    const seen: Parameters<ApolloDataSource['process']>[0][] = [];
    const app = await start(
      remote({
        willSendRequest(options) {
          seen.push(options);
        },
      }),
    );
    await app.ask('query Named($n: Int) { topProducts(first: $n) { upc inStock } }', {
      variables: { n: 1 },
      headers: { 'x-from': 'client' },
    });
    expect(seen.map(({ kind }) => kind)).toEqual(['incoming operation', 'incoming operation']);
    const [first, second] = seen;
    if (!first || !('incomingRequestContext' in first)) throw new Error('expected the request of a client');
    const { incomingRequestContext, context, document, request } = first;
    expect(incomingRequestContext.request.http?.headers.get('x-from')).toBe('client');
    expect(incomingRequestContext.operationName).toBe('Named');
    expect(incomingRequestContext.context).toBe(context);
    expect(document?.definitions).toHaveLength(1);
    expect(request.query).toContain('topProducts');
    expect(request.variables).toEqual({ n: 1 });
    expect(second?.request.variables).toEqual({
      representations: [{ __typename: 'Product', upc: '1' }],
    });
  });

  it('hands headers of subgraphs on to the client', async () => {
    shop.server('products').headers = { 'x-served-by': 'products-7' };
    const plugin: ApolloServerPlugin<{ servedBy?: string }> = {
      requestDidStart: async () => ({
        async willSendResponse({ response, contextValue }) {
          response.http.headers.set('x-served-by', contextValue.servedBy ?? 'nobody');
        },
      }),
    };
    const app = await start(
      remote({
        didReceiveResponse({ response, context }) {
          context['servedBy'] ??= response.http?.headers.get('x-served-by');
          return response;
        },
      }),
      { plugins: [plugin] },
    );
    const { headers } = await app.ask(TWO_SUBGRAPHS);
    expect(headers.get('x-served-by')).toBe('products-7');
  });

  it('may set headers of the client’s response itself', async () => {
    const app = await start({
      buildService: ({ name, url }) => {
        const next: GraphQLDataSource = new RemoteGraphQLDataSource({ url: url ?? '' });
        return {
          process(options) {
            options.incomingRequestContext?.response?.http?.headers.set(`x-asked-${name}`, 'yes');
            return next.process(options);
          },
        };
      },
    });
    const { headers } = await app.ask(TWO_SUBGRAPHS);
    expect([headers.get('x-asked-products'), headers.get('x-asked-inventory')]).toEqual(['yes', 'yes']);
  });

  it('may change what a subgraph has answered', async () => {
    const app = await start(
      remote({
        didReceiveResponse({ response }) {
          const me = response.data?.['me'] as { name?: string } | undefined;
          if (me) me.name = 'Changed';
          return response;
        },
      }),
    );
    const { json } = await app.ask('{ me { id name } }');
    expect(json.data).toEqual({ me: { id: '1', name: 'Changed' } });
  });
});

describe.each([
  ['with RemoteGraphQLDataSource', remote({})],
  ['over HTTP', {}],
])('a response’s cache policy %s', (_name, config) => {
  it('is that of the subgraph that allows the least', async () => {
    shop.server('products').headers = { 'cache-control': 'max-age=60, public' };
    shop.server('inventory').headers = { 'cache-control': 'max-age=5, private' };
    const app = await start(config);
    expect((await app.ask(TWO_SUBGRAPHS)).headers.get('cache-control')).toBe('max-age=5, private');
    const { headers } = await app.ask('{ topProducts(first: 1) { upc } }');
    expect(headers.get('cache-control')).toBe('max-age=60, public');
  });

  it('allows nothing when a subgraph does not say', async () => {
    shop.server('products').headers = { 'cache-control': 'max-age=60' };
    const app = await start(config);
    expect((await app.ask(TWO_SUBGRAPHS)).headers.get('cache-control')).toBe('no-store');
  });
});

describe('a response’s cache policy', () => {
  it('is left alone by a data source that does not honour the header', async () => {
    shop.server('products').headers = { 'cache-control': 'max-age=60' };
    const app = await start(remote({ honorSubgraphCacheControlHeader: false }));
    expect((await app.ask('{ topProducts(first: 1) { upc } }')).headers.get('cache-control')).toBe(
      'no-store',
    );
  });
});

describe('a data source that fails', () => {
  it('hands on the code of a refusal, and the rest of the data', async () => {
    shop.server('inventory').fault = (response) => {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{}');
    };
    const app = await start(remote({}));
    const { json } = await app.ask(TWO_SUBGRAPHS);
    expect(json.data).toEqual({ topProducts: [{ upc: '1', inStock: null }] });
    expect(json.errors).toHaveLength(1);
    expect(json.errors[0]).toMatchObject({
      message: '401: Unauthorized',
      path: ['topProducts', 0, 'inStock'],
      extensions: { code: 'UNAUTHENTICATED', subgraph: 'inventory' },
    });
  });

  it('hands on a GraphQL error that a hook throws', async () => {
    const app = await start(
      remote({
        willSendRequest() {
          throw new GraphQLError('Not on Sundays', { extensions: { code: 'CLOSED' } });
        },
      }),
    );
    const { json } = await app.ask('{ topProducts(first: 1) { upc } }');
    expect(json.errors[0]).toMatchObject({ message: 'Not on Sundays', extensions: { code: 'CLOSED' } });
  });

  it('does not tell clients what else a hook throws, but the log and formatError', async () => {
    const logged: unknown[] = [];
    const formatted: unknown[] = [];
    const app = await start(
      {
        ...remote({
          willSendRequest() {
            throw new Error('the password is 1234');
          },
        }),
        logger: { debug: ignore, info: ignore, warn: ignore, error: (message) => logged.push(message) },
      },
      {
        formatError(shown, error) {
          formatted.push((error as GraphQLError).originalError?.message);
          return shown;
        },
      },
    );
    const { json } = await app.ask('{ topProducts(first: 1) { upc } }');
    expect(JSON.stringify(json)).not.toContain('1234');
    expect(json.errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR');
    expect(logged.join()).toContain('the password is 1234');
    expect(formatted).toContain('the password is 1234');
  });

  it('is UPSTREAM_FAILED when the subgraph cannot be reached, without its address', async () => {
    const app = await start(remote({}));
    await shop.server('inventory').close();
    const { json } = await app.ask(TWO_SUBGRAPHS);
    expect(json.data).toEqual({ topProducts: [{ upc: '1', inStock: null }] });
    expect(json.errors[0].extensions).toMatchObject({ code: 'UPSTREAM_FAILED', retryable: true });
    expect(json.errors[0].message).toBe('subgraph inventory could not be reached (ECONNREFUSED).');
  });

  it('is UPSTREAM_FAILED when it gives neither data nor errors', async () => {
    const app = await start({ buildService: () => ({ process: async () => ({}) }) });
    const { json } = await app.ask('{ topProducts(first: 1) { upc } }');
    expect(json.errors[0].extensions.code).toBe('UPSTREAM_FAILED');
  });

  it('is UPSTREAM_TIMEOUT when it does not answer in time', async () => {
    const app = await start({
      operationTimeoutMs: 50,
      buildService: () => ({ process: () => new Promise(() => undefined) }),
    });
    const { json } = await app.ask('{ topProducts(first: 1) { upc } }');
    expect(json.errors[0].extensions.code).toBe('UPSTREAM_TIMEOUT');
  });

  it('hands on what a resolver says, at its place', async () => {
    shop.server('inventory').fault = (response) => {
      const error = {
        message: 'no such shelf',
        path: ['_entities', 0, 'inStock'],
        extensions: { code: 'NO_SHELF' },
      };
      const body = { data: { _entities: [{ inStock: null }] }, errors: [error] };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const seen: unknown[] = [];
    const plugin: ApolloServerPlugin = {
      requestDidStart: async () => ({
        async didEncounterErrors({ errors }) {
          seen.push(...errors.map(({ message }) => message));
        },
        async willSendResponse({ metrics }) {
          seen.push(metrics.nonFtv1ErrorPaths);
        },
      }),
    };
    const app = await start(remote({}), { plugins: [plugin] });
    const { json } = await app.ask(TWO_SUBGRAPHS);
    expect(json.errors).toMatchObject([
      { message: 'no such shelf', path: ['topProducts', 0, 'inStock'], extensions: { code: 'NO_SHELF' } },
    ]);
    expect(seen).toEqual(['no such shelf', [{ subgraph: 'inventory', path: ['_entities', 0, 'inStock'] }]]);
  });
});

describe('the size of an operation', () => {
  const LONG_LIST = '{ topProducts(first: 100000) { upc } }';

  it('has no limits but those that are given', async () => {
    const free = await start({});
    expect((await free.ask(LONG_LIST)).json.data.topProducts).toHaveLength(9);
    const limited = await start({ limits: { maxListSize: 100 } });
    const { json } = await limited.ask(LONG_LIST);
    expect(json.errors[0].extensions.code).toBe('OPERATION_TOO_COSTLY');
  });
});

describe('plugins of the server', () => {
  it('see the operation as they do with Apollo’s gateway', async () => {
    const seen: string[] = [];
    const plugin: ApolloServerPlugin = {
      async requestDidStart({ schema }) {
        seen.push(`began with ${schema.getQueryType()?.name ?? 'nothing'}`);
        return {
          async didResolveOperation({ operationName }) {
            seen.push(`resolved ${operationName ?? ''}`);
          },
          async executionDidStart() {
            seen.push('executes');
            return { executionDidEnd: async () => void seen.push('executed') };
          },
          async willSendResponse({ response }) {
            seen.push(response.body.kind);
          },
        };
      },
    };
    const schemas: string[] = [];
    const watcher: ApolloServerPlugin = {
      serverWillStart: async () => ({
        schemaDidLoadOrUpdate({ coreSupergraphSdl = '' }) {
          schemas.push(coreSupergraphSdl);
        },
      }),
    };
    const app = await start(
      { buildService: ({ name }) => new LocalGraphQLDataSource(shop.schemas[name] ?? missing()) },
      { plugins: [plugin, watcher] },
    );
    await app.ask('query Q { topProducts(first: 1) { upc } }');
    expect(seen).toEqual(['began with Query', 'resolved Q', 'executes', 'executed', 'single']);
    expect(schemas).toEqual([shop.supergraphSdl]);
  });
});

function missing(): never {
  throw new Error('the shop has no such subgraph');
}

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openGatewayServer, type GatewayServer } from '../../../gateway/ingress/gateway-server.js';
import { createIdentify, parseApiKeys } from '../../../kernel/identity/api-keys.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import { serveApolloSubgraph, type ApolloSubgraph } from '../../support/apollo-subgraph.js';
import { openCachingGateway, type CachingGateway } from '../../support/caching-gateway.js';

const KEY = 'a-key-of-at-least-24-characters';

let shop: ApolloSubgraph;
let stock: ApolloSubgraph;
let parts: CachingGateway;
const servers: GatewayServer[] = [];

beforeEach(async () => {
  shop = await serveApolloSubgraph('shop', {
    typeDefs: `
      type Query {
        product(id: ID!): Product @cacheControl(maxAge: 100)
        mine: String @cacheControl(maxAge: 60, scope: PRIVATE)
        broken: Int @cacheControl(maxAge: 60)
        fresh: Int
      }
      type Mutation { product: Product @cacheControl(maxAge: 100) }
      type Product @key(fields: "id") { id: ID! }`,
    resolvers: {
      Query: {
        product: (_parent: unknown, { id }: { id: string }) => ({ id }),
        mine: () => 'mine',
        broken: () => {
          throw new Error('broken');
        },
        fresh: () => 1,
      },
      Mutation: { product: () => ({ id: '1' }) },
    },
  });
  stock = await serveApolloSubgraph('stock', {
    typeDefs: 'type Product @key(fields: "id") @cacheControl(maxAge: 30) { id: ID! units: Int }',
    resolvers: { Product: { units: () => 7 } },
  });
  parts = openCachingGateway([shop, stock], { responseMaxAgeMs: 3_600_000 });
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await parts.close();
  await Promise.all([shop.close(), stock.close()]);
});

async function hits(): Promise<number> {
  const metric = await parts.metrics.getSingleMetric('aegis_gateway_cache_lookups_total')?.get();
  const own = metric?.values.find(
    ({ labels }) => labels['subgraph'] === '(responses)' && labels['outcome'] === 'hit',
  );
  return own?.value ?? 0;
}

describe('a response', () => {
  it('is kept as long as the strictest of its answers', async () => {
    const text = 'query ($id: ID!) { product(id: $id) { id units } }';
    const asked = { variables: { id: '1' } };
    const first = await parts.run(text, asked);
    expect(await parts.run(text, asked)).toEqual(first);
    expect(await hits()).toBe(1);
    await parts.run(text, { variables: { id: '2' } });
    parts.clock.now += 31_000;
    await parts.run(text, asked);
    expect(await hits()).toBe(1);
    // The root field's answer is good for longer, and still there.
    expect(shop.requests).toHaveLength(2);
    expect(stock.requests).toHaveLength(3);
  });

  it('is no older than the answers in it', async () => {
    const ages: number[] = [];
    const onAge = ({ maxAgeMs }: { maxAgeMs: number }) => ages.push(maxAgeMs);
    await parts.run('{ product(id: "1") { id units } }', { onAge });
    parts.clock.now += 20_000;
    await parts.run('{ p: product(id: "1") { units } }', { onAge });
    expect(ages).toEqual([30_000, 10_000]);
  });

  it.each(['{ broken }', '{ fresh }', '{ mine fresh }', 'mutation { product { id } }', '{ __typename }'])(
    'to %s is not kept',
    async (text) => {
      await parts.run(text);
      await parts.run(text);
      expect(await hits()).toBe(0);
    },
  );

  it('that is private is kept for who asked, with the forwarded headers', async () => {
    for (const subject of ['anna', 'bert', 'anna']) await parts.run('{ mine }', { subject });
    expect(await hits()).toBe(1);
    await parts.run('{ mine }', { subject: 'anna', headers: { 'x-tenant': 'a' } });
    expect(await hits()).toBe(1);
  });

  it.each([
    ['without the header first', [undefined, 'de', undefined, 'de']],
    ['with the header first', ['de', undefined, 'de', undefined]],
  ])('that varies with a header is kept for those who send the same, asked %s', async (_order, languages) => {
    shop.fault = ({ headers }, response) => {
      response
        .writeHead(200, {
          'content-type': 'application/json',
          'cache-control': 'max-age=60, public',
          vary: 'accept-language',
        })
        .end(JSON.stringify({ data: { mine: headers['accept-language'] ?? 'none' } }));
    };
    for (const language of languages) {
      const asked = language === undefined ? {} : { headers: { 'accept-language': language } };
      expect(await parts.run('{ mine }', asked)).toEqual({ data: { mine: language ?? 'none' } });
    }
    expect(await hits()).toBe(2);
    expect(shop.requests).toHaveLength(2);
  });

  it('of other subgraphs than those whose answers are kept is not kept', async () => {
    const some = openCachingGateway([shop, stock], {
      responseMaxAgeMs: 60_000,
      maxAgeMsOf: (name) => (name === 'shop' ? 60_000 : undefined),
    });
    const before = stock.requests.length;
    for (let number = 0; number < 2; number += 1) await some.run('{ product(id: "1") { units } }');
    expect(stock.requests.length - before).toBe(2);
    await some.close();
  });

  it('goes when something in it is invalidated', async () => {
    const text = '{ product(id: "1") { id units } }';
    await parts.run(text);
    // The entity, and the response that was made with it.
    const selector = { kind: 'key', type: 'Product', key: { id: '1' } } as const;
    expect(await parts.caching.invalidation.invalidate(selector)).toEqual({ removed: 2 });
    await parts.run(text);
    expect(await hits()).toBe(0);
    expect(stock.requests).toHaveLength(2);
  });
});

describe('over HTTP', () => {
  async function serve(apiKeys: string | undefined): Promise<(query: string) => Promise<Response>> {
    const identify =
      apiKeys === undefined
        ? createIdentify([], { openWorkspace: DEFAULT_WORKSPACE })
        : createIdentify(parseApiKeys(apiKeys));
    const server = await openGatewayServer({
      gateway: parts.gateway,
      host: '127.0.0.1',
      port: 0,
      identify,
      open: apiKeys === undefined,
      allowedOrigins: [],
      maxBodyBytes: 100_000,
      pagesFolder: 'dist/no-pages',
      logger: createLogger({ level: 'silent', pretty: false }),
      metrics: createMetrics(),
      routes: [],
      closeDeadlineMs: 500,
    });
    servers.push(server);
    return (query) =>
      fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(apiKeys === undefined ? {} : { 'x-api-key': KEY }),
        },
        body: JSON.stringify({ query }),
      });
  }

  it('clients are told how long they may keep a response, and how old it is', async () => {
    const ask = await serve(undefined);
    const first = await ask('{ product(id: "1") { id units } }');
    expect(first.headers.get('cache-control')).toBe('max-age=30, public');
    expect(first.headers.get('age')).toBeNull();
    parts.clock.now += 12_000;
    const second = await ask('{ product(id: "1") { id units } }');
    expect(await second.json()).toEqual({ data: { product: { id: '1', units: 7 } } });
    expect(second.headers.get('cache-control')).toBe('max-age=30, public');
    expect(second.headers.get('age')).toBe('12');
    expect((await ask('{ fresh }')).headers.get('cache-control')).toBe('no-store');
    expect((await ask('{ broken }')).headers.get('cache-control')).toBe('no-store');
  });

  it('a response that needs a key is private to who has it', async () => {
    const ask = await serve(KEY);
    expect((await ask('{ product(id: "1") { id } }')).headers.get('cache-control')).toBe(
      'max-age=100, private',
    );
  });
});

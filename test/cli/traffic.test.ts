import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { spawnAegis, type AegisProcess } from '../support/aegis-process.js';
import { serveApolloSubgraph, type ApolloSubgraph } from '../support/apollo-subgraph.js';

let folder: string;
let supergraph: string;
let shop: ApolloSubgraph;
let stock: ApolloSubgraph;
const processes: AegisProcess[] = [];

beforeAll(async () => {
  shop = await serveApolloSubgraph('shop', {
    typeDefs: `
      type Query { product(id: ID!): Product @cacheControl(maxAge: 60) fresh: Int }
      type Product @key(fields: "id") { id: ID! }`,
    resolvers: { Query: { product: (_parent: unknown, { id }: { id: string }) => ({ id }), fresh: () => 1 } },
  });
  stock = await serveApolloSubgraph('stock', {
    typeDefs: 'type Product @key(fields: "id") @cacheControl(maxAge: 60) { id: ID! units: Int }',
    resolvers: { Product: { units: () => 7 } },
  });
  folder = await mkdtemp(join(tmpdir(), 'aegis-traffic-'));
  supergraph = join(folder, 'supergraph.graphql');
  await writeFile(supergraph, composeSupergraph([shop, stock]));
});
afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
  await Promise.all([shop.close(), stock.close()]);
  await rm(folder, { recursive: true, force: true });
});

function start(env: Record<string, string>): AegisProcess {
  const process = spawnAegis(['gateway', '--supergraph', supergraph, '--port', '0'], { env });
  processes.push(process);
  return process;
}

async function serve(env: Record<string, string>): Promise<string> {
  const line = await start(env).waitForLine('it answers', ({ url }) => typeof url === 'string');
  return String(line['url']);
}

async function post(url: string, query: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  // The shape is what the tests look at.
  return { headers: response.headers, json: await response.json() };
}

describe('aegis gateway, by its settings', () => {
  it('keeps answers and responses until an administrator invalidates them, and counts', async () => {
    const url = await serve({
      AEGIS_CACHE: 'memory',
      AEGIS_CACHE_RESPONSES: 'true',
      AEGIS_CACHE_SUBGRAPHS: 'shop,stock:30',
    });
    const ask = () => post(`${url}/graphql`, '{ product(id: "1") { id units } }');
    const first = await ask();
    expect(first.json).toEqual({ data: { product: { id: '1', units: 7 } } });
    expect(first.headers.get('cache-control')).toBe('max-age=30, public');
    expect((await ask()).json).toEqual(first.json);
    expect([shop.requests.length, stock.requests.length]).toEqual([1, 1]);

    const invalidate = (input: string) =>
      post(
        `${url}/admin/graphql`,
        `mutation { invalidateCache(input: ${input}) { removed userErrors { code path } } }`,
      );
    expect((await invalidate('{ type: "Product", key: [{ name: "id", value: "1" }] }')).json).toEqual({
      data: { invalidateCache: { removed: 2, userErrors: [] } },
    });
    await ask();
    expect([shop.requests.length, stock.requests.length]).toEqual([1, 2]);
    expect((await invalidate('{ type: "Product", tag: "a" }')).json).toEqual({
      data: { invalidateCache: { removed: 0, userErrors: [{ code: 'BAD_USER_INPUT', path: [] }] } },
    });
    for (const [input, removed] of [
      ['{ tag: "a" }', 0],
      ['{ subgraph: "shop" }', 2],
      ['{ type: "Product" }', 1],
    ] as const)
      expect((await invalidate(input)).json).toMatchObject({ data: { invalidateCache: { removed } } });

    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('aegis_gateway_cache_lookups_total{subgraph="(responses)",outcome="hit"} 1');
    expect(metrics).toContain('aegis_gateway_circuit{subgraph="shop"} 0');
  });

  it('sends a query again, and leaves a subgraph alone that fails, which clients, health and metrics tell', async () => {
    const url = await serve({
      AEGIS_SUBGRAPH_RETRIES: '2',
      AEGIS_BREAKER_MINIMUM_REQUESTS: '3',
      AEGIS_BREAKER_OPEN_MS: '60000',
    });
    const before = stock.requests.length;
    stock.fault = (request) => request.socket.destroy();
    const ask = () => post(`${url}/graphql`, '{ product(id: "9") { units } }');
    expect((await ask()).json).toMatchObject({ errors: [{ extensions: { code: 'UPSTREAM_FAILED' } }] });
    expect(stock.requests.length - before).toBe(3);
    expect((await ask()).json).toMatchObject({
      data: { product: { units: null } },
      errors: [
        {
          path: ['product', 'units'],
          extensions: {
            code: 'UNAVAILABLE',
            retryable: true,
            retryAfterMs: expect.any(Number),
            subgraph: 'stock',
          },
        },
      ],
    });
    expect(stock.requests.length - before).toBe(3);
    stock.fault = undefined;
    const health = await (await fetch(`${url}/health/ready`)).json();
    expect(health).toMatchObject({
      subgraphs: {
        shop: { state: 'UP' },
        stock: { state: 'DOWN', reason: expect.stringContaining('left alone') },
      },
    });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('aegis_gateway_circuit{subgraph="stock"} 2');
    expect(metrics).toContain('aegis_gateway_retries_total{subgraph="stock"} 2');
  });

  it('tells subgraphs the headers that a file of rules says', async () => {
    const file = join(folder, 'headers.yaml');
    await writeFile(
      file,
      'all:\n  - forward: x-user\nsubgraphs:\n  shop:\n    - insert: x-key\n      fromEnv: SHOP_KEY\n',
    );
    const url = await serve({ AEGIS_HEADER_RULES: file, SHOP_KEY: 'a secret' });
    await post(`${url}/graphql`, '{ fresh }', { 'x-user': 'anna', 'x-other': 'no' });
    const headers = shop.requests.at(-1)?.headers;
    expect(headers).toMatchObject({ 'x-user': 'anna', 'x-key': 'a secret' });
    expect(headers).not.toHaveProperty('x-other');
  });

  it.each([
    ['{ "all": [{ "forward": "host" }] }', 'AEGIS_HEADER_RULES: all[0]: the header host is'],
    ['{ "all": [{ "insert": "x-key", "fromEnv": "NOWHERE" }] }', 'all[0]: expected the variable NOWHERE'],
    ['{ "all": ', 'AEGIS_HEADER_RULES: expected JSON, but: '],
    ['/nowhere/headers.yaml', 'AEGIS_HEADER_RULES: expected a readable file'],
  ])('refuses to start with rules that are wrong: %s', async (rules, message) => {
    const process = start({ AEGIS_HEADER_RULES: rules });
    await process.ended;
    expect(process.exitCode()).toBe(2);
    expect(process.lines.map(({ msg }) => msg).join('\n')).toContain(message);
  });
});

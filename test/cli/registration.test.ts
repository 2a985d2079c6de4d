import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { spawnAegis, type AegisProcess } from '../support/aegis-process.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { createGraphClient } from '../support/graph-client.js';
import { waitFor } from '../support/wait-for.js';

const API_KEY = 'a-key-of-twenty-four-characters';
let folder: string;
let shop: ForeignSubgraph;
let stock: ForeignSubgraph;
const processes: AegisProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-registration-'));
  shop = await serveForeignSubgraph('shop', {
    typeDefs: 'type Query { product: Product } type Product @key(fields: "id") { id: ID! name: String }',
    resolvers: { Query: { product: () => ({ id: '1', name: 'chair' }) } },
  });
  stock = await serveForeignSubgraph('stock', {
    typeDefs: 'type Query { total: Int } type Product @key(fields: "id") { id: ID! units: Int }',
    resolvers: { Query: { total: () => 30 }, Product: { units: () => 10 } },
  });
  await writeFile(join(folder, 'supergraph.graphql'), composeSupergraph([shop]));
});

afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
  await Promise.all([shop.close(), stock.close()]);
  await rm(folder, { recursive: true, force: true });
});

/** Starts the gateway on any free port, and waits until it says where it answers. */
async function startServing(env: Record<string, string> = {}) {
  const supergraph = join(folder, 'supergraph.graphql');
  const registered = join(folder, 'registered.json');
  const args = ['gateway', '--supergraph', supergraph, '--registered', registered, '--port', '0'];
  const process = spawnAegis(args, { env });
  processes.push(process);
  const line = await process.waitForLine('it answers', ({ msg }) => msg?.includes('answers at') === true);
  return { process, url: String(line['url']) };
}

/** What the tests look at beyond a comparison. */
interface Told {
  readonly usage?: {
    readonly edges: readonly { readonly node: unknown }[];
    readonly pageInfo: { readonly endCursor: string };
  };
  readonly supergraph?: { readonly id: string };
}

async function administer(url: string, query: string, variables: object = {}, apiKey?: string) {
  const headers = {
    'content-type': 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
  };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(`${url}/admin/graphql`, { method: 'POST', headers, body });
  const answer = (await response.json()) as { data?: Told; errors?: unknown[] };
  return { status: response.status, ...answer };
}

const REGISTER = `mutation ($input: RegisterSubgraphInput!) {
  registerSubgraph(input: $input) {
    subgraph { name url state health source registeredAt }
    report { supergraphId changes { kind coordinate uses severity } hints { code } }
    userErrors { code path }
  }
}`;
const LIST = '{ subgraphs { name state health source } supergraph { id } }';

describe('the administration of aegis gateway', () => {
  it('registers a subgraph that is there after a restart, beside another supergraph file too, until it is removed', async () => {
    const first = await startServing();
    const graph = createGraphClient({ url: first.url, apiKey: undefined });
    await graph.query('{ product { name } }');
    const clash = { name: 'shop', sdl: 'type Query { product: Int }' };
    expect(await administer(first.url, REGISTER, { input: { ...clash, dryRun: true } })).toMatchObject({
      data: {
        registerSubgraph: {
          subgraph: null,
          report: {
            changes: [
              { kind: 'TYPE_REMOVED', coordinate: 'Product', uses: 1 },
              { kind: 'FIELD_CHANGED_KIND', coordinate: 'Query.product', uses: 1, severity: 'BREAKING' },
            ],
          },
          userErrors: [],
        },
      },
    });
    expect(await administer(first.url, REGISTER, { input: { name: 'stock', url: stock.url } })).toMatchObject(
      {
        data: {
          registerSubgraph: {
            subgraph: { name: 'stock', state: 'SERVED', health: 'UP', source: 'URL' },
            report: { changes: [] },
            userErrors: [],
          },
        },
      },
    );
    expect(await graph.query('{ total product { units } }')).toEqual({ total: 30, product: { units: 10 } });
    const usage = await administer(
      first.url,
      '{ usage(first: 2) { edges { node { coordinate uses } } pageInfo { endCursor hasNextPage } since } }',
    );
    expect(usage.data?.usage?.edges.map(({ node }) => node)).toEqual([
      { coordinate: 'Product', uses: 2 },
      { coordinate: 'Query', uses: 2 },
    ]);
    expect(
      await administer(
        first.url,
        '($after: String) { usage(first: 1, after: $after) { edges { node { coordinate } } } }'.replace(
          '(',
          'query (',
        ),
        {
          after: usage.data?.usage?.pageInfo.endCursor,
        },
      ),
    ).toMatchObject({ data: { usage: { edges: [{ node: { coordinate: 'Query.product' } }] } } });
    expect(await first.process.stop()).toBe(0);

    const second = await startServing();
    const again = createGraphClient({ url: second.url, apiKey: undefined });
    expect(await again.query('{ total product { units } }')).toEqual({ total: 30, product: { units: 10 } });
    const { data } = await administer(second.url, LIST);
    await writeFile(join(folder, 'supergraph.graphql'), composeSupergraph([{ ...shop, name: 'store' }]));
    await waitFor('the other supergraph is taken', async () => {
      const now = await administer(second.url, LIST);
      return now.data?.supergraph?.id !== data?.supergraph?.id;
    });
    expect(await administer(second.url, LIST)).toMatchObject({
      data: {
        subgraphs: [
          { name: 'stock', state: 'SERVED', health: 'UP', source: 'URL' },
          { name: 'store', state: 'SERVED', health: 'UP', source: 'SUPERGRAPH' },
        ],
      },
    });
    const remove =
      'mutation { removeSubgraph(input: { name: "stock" }) { name report { changes { coordinate } } userErrors { code } } }';
    expect(await administer(second.url, remove)).toMatchObject({
      data: { removeSubgraph: { name: 'stock', userErrors: [] } },
    });
    expect((await again.send('{ total }')).errors).toHaveLength(1);
    expect(await administer(second.url, remove)).toMatchObject({
      data: { removeSubgraph: { name: null, report: null, userErrors: [{ code: 'NOT_FOUND' }] } },
    });
    expect(await second.process.stop()).toBe(0);
  }, 60_000);

  it('is for those alone who are let in, and no part of the graph', async () => {
    const { url } = await startServing({ AEGIS_API_KEYS: API_KEY });
    expect(await administer(url, LIST)).toMatchObject({
      status: 401,
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect((await administer(url, LIST, {}, API_KEY)).data).toBeDefined();
    const graph = createGraphClient({ url, apiKey: API_KEY });
    expect((await graph.send('{ subgraphs { name } }')).errors).toHaveLength(1);
    // Beyond this machine, addresses of this machine are somebody's inside.
    expect(
      await administer(url, REGISTER, { input: { name: 'stock', url: stock.url } }, API_KEY),
    ).toMatchObject({
      data: { registerSubgraph: { userErrors: [{ code: 'FORBIDDEN', path: ['url'] }] } },
    });
  });

  it('tells who asks to the subgraphs of the supergraph file, and to no registered one', async () => {
    const { url } = await startServing({
      AEGIS_API_KEYS: API_KEY,
      AEGIS_HANDOVER_SECRET: 'a-secret-for-tests-of-at-least-32-characters',
      AEGIS_REGISTRATION_ADDRESSES: 'loopback',
    });
    const before = stock.requests.length;
    for (const dryRun of [true, false]) {
      const input = { name: 'stock', url: stock.url, dryRun };
      const told = await administer(url, REGISTER, { input }, API_KEY);
      expect(told).toMatchObject({ data: { registerSubgraph: { userErrors: [] } } });
    }
    const graph = createGraphClient({ url, apiKey: API_KEY });
    expect(await graph.query('{ total __typename }')).toMatchObject({ total: 30 });
    const told = stock.requests.slice(before).map(({ headers }) => headers.authorization);
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.filter((one) => one !== undefined)).toEqual([]);
    await graph.query('{ product { name } }');
    const [, claims = ''] = (shop.requests.at(-1)?.headers.authorization ?? '').split('.');
    // The name that the first test has left in the file.
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      aud: expect.stringMatching(/^aegis-subgraph:(?:shop|store)$/),
    });
  });
});

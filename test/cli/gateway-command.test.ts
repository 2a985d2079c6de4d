import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { spawnAegis, type AegisProcess } from '../support/aegis-process.js';
import { createEventSource } from '../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { createGraphClient } from '../support/graph-client.js';
import { waitFor } from '../support/wait-for.js';

const sold = createEventSource<{ sold: { id: string } }>();
let folder: string;
let supergraph: string;
let shop: ForeignSubgraph;
let stock: ForeignSubgraph;
const processes: AegisProcess[] = [];

beforeAll(async () => {
  shop = await serveForeignSubgraph('shop', {
    typeDefs: `
      type Query { products: [Product] }
      type Mutation { order(id: ID!): Product }
      type Subscription { sold: Product }
      type Product @key(fields: "id") { id: ID! name: String }`,
    resolvers: {
      Query: { products: () => ['1', '2'].map((id) => ({ id, name: `product ${id}` })) },
      Mutation: { order: (_parent: unknown, { id }: { id: string }) => ({ id, name: 'ordered' }) },
      Subscription: { sold: { subscribe: () => sold.open() } },
      Product: { name: ({ id, name }: { id: string; name?: string }) => name ?? `product ${id}` },
    },
  });
  stock = await serveForeignSubgraph('stock', {
    typeDefs: `
      type Query { total: Int }
      type Product @key(fields: "id") { id: ID! units: Int }`,
    resolvers: {
      Query: { total: () => 30 },
      Product: { units: ({ id }: { id: string }) => Number(id) * 10 },
    },
  });
  folder = await mkdtemp(join(tmpdir(), 'aegis-gateway-'));
  supergraph = join(folder, 'supergraph.graphql');
  await writeFile(supergraph, composeSupergraph([shop, stock]));
});

afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
  await Promise.all([shop.close(), stock.close()]);
  await rm(folder, { recursive: true, force: true });
});

function start(args: readonly string[], env: Record<string, string> = {}): AegisProcess {
  const process = spawnAegis(['gateway', ...args], { env });
  processes.push(process);
  return process;
}

/** Starts the gateway on any free port and waits until it says where it answers. */
async function startServing(env: Record<string, string> = {}) {
  const process = start(['--supergraph', supergraph, '--port', '0'], env);
  const { url } = await process.waitForLine('it answered', (line) => typeof line['url'] === 'string');
  return { process, url: String(url) };
}

describe('aegis gateway', () => {
  it('serves queries, mutations and subscriptions over subgraphs that are not ours', async () => {
    const { process, url } = await startServing();
    const graph = createGraphClient({ url, apiKey: undefined });
    expect(await graph.query('{ total products { name units } }')).toEqual({
      total: 30,
      products: [
        { name: 'product 1', units: 10 },
        { name: 'product 2', units: 20 },
      ],
    });
    expect(await graph.query('mutation ($id: ID!) { order(id: $id) { name units } }', { id: '4' })).toEqual({
      order: { name: 'ordered', units: 40 },
    });
    const events = graph.subscribe('subscription { sold { name units } }');
    const first = events.next();
    await sold.untilReaders(1);
    sold.push({ sold: { id: '3' } });
    expect((await first).value).toEqual({ sold: { name: 'product 3', units: 30 } });
    await events.return?.();
    await sold.untilReaders(0);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    expect(await process.stop()).toBe(0);
  });

  it('gives what is there when one of them is gone', async () => {
    const { url } = await startServing({ AEGIS_SUBGRAPH_TIMEOUT_MS: '500' });
    stock.fault = (request) => request.socket.destroy();
    expect(
      await createGraphClient({ url, apiKey: undefined }).send('{ products { name units } }'),
    ).toMatchObject({
      data: {
        products: [
          { name: 'product 1', units: null },
          { name: 'product 2', units: null },
        ],
      },
      errors: [0, 1].map((index) => ({
        path: ['products', index, 'units'],
        extensions: {
          code: 'UPSTREAM_FAILED',
          retryable: true,
          subgraph: 'stock',
          traceId: expect.any(String),
        },
      })),
    });
    stock.fault = undefined;
  });

  it('answers what is running, ends what streams, and leaves within ten seconds when it is told to', async () => {
    const { process, url } = await startServing();
    const graph = createGraphClient({ url, apiKey: undefined });
    const events = graph.subscribe('subscription { sold { name } }');
    const end = events.next().catch((error: unknown) => error);
    await sold.untilReaders(1);
    let answer: () => void = () => undefined;
    const before = shop.requests.length;
    shop.fault = (_request, response) => {
      answer = () => {
        response.setHeader('content-type', 'application/json').end('{"data":{"products":[]}}');
      };
    };
    const running = graph.send('{ products { name } }');
    await waitFor('the subgraph is asked', () => shop.requests.length > before);
    const startedAt = Date.now();
    const stopping = process.stop('SIGTERM');
    expect(await end).toMatchObject([{ extensions: { code: 'UNAVAILABLE', reason: 'STOPPING' } }]);
    answer();
    expect(await running).toEqual({ data: { products: [] } });
    expect(await stopping).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    await sold.untilReaders(0);
    shop.fault = undefined;
  });

  it('takes another supergraph when its file changes, and keeps the one it has when the file holds none', async () => {
    const file = join(folder, 'changing.graphql');
    await writeFile(file, composeSupergraph([shop]));
    const process = start(['--supergraph', file, '--port', '0']);
    const line = await process.waitForLine('it answers', ({ msg }) => msg?.includes('answers at') === true);
    const graph = createGraphClient({ url: String(line['url']), apiKey: undefined });
    expect((await graph.send('{ total }')).errors).toHaveLength(1);
    await writeFile(file, composeSupergraph([shop, stock]));
    await waitFor('the field of the new subgraph is there', async () => {
      const { data } = await graph.send<{ total: number }>('{ total }');
      return data?.total === 30;
    });
    await writeFile(file, 'type Query {');
    await process.waitForLine('the file is refused', ({ msg }) => msg?.includes('is refused') === true);
    expect(await graph.query('{ total }')).toEqual({ total: 30 });
  }, 30_000);

  it('lists every mistake before it starts', async () => {
    const process = start(['--port', '70000', '--colour', 'red', 'word'], {
      AEGIS_OPERATION_TIMEOUT_MS: 'soon',
      AEGIS_NONSENSE: '1',
    });
    await process.ended;
    expect(process.exitCode()).toBe(2);
    const text = process.lines.map(({ msg }) => msg).join('\n');
    for (const mistake of [
      '--colour',
      'word',
      'AEGIS_NONSENSE',
      '--supergraph',
      '--port',
      'AEGIS_OPERATION_TIMEOUT_MS',
    ]) {
      expect(text).toContain(mistake);
    }
  });

  it.each([
    ['is not there', undefined],
    ['is no supergraph', 'type Query { a: Int }'],
    ['names an address that is none', 'bad address'],
  ])('does not start when the supergraph %s', async (_what, content) => {
    const file = join(folder, `other-${Math.random()}.graphql`);
    if (content === 'bad address')
      await writeFile(file, composeSupergraph([{ ...shop, url: 'nowhere' }, stock]));
    else if (content !== undefined) await writeFile(file, content);
    const process = start(['--supergraph', file, '--port', '0']);
    await process.ended;
    expect(process.exitCode()).not.toBe(0);
    expect(JSON.stringify(process.lines)).toMatch(/supergraph/);
  });
});

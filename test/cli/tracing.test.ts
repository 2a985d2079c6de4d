import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { spawnAegis, type AegisProcess } from '../support/aegis-process.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { findFreePort } from '../support/free-port.js';
import { createGraphClient } from '../support/graph-client.js';
import { openTraceCollector, type TraceCollector } from '../support/trace-collector.js';

let folder: string;
let shop: ForeignSubgraph;
let stock: ForeignSubgraph;
let collector: TraceCollector;
const processes: AegisProcess[] = [];

beforeAll(async () => {
  shop = await serveForeignSubgraph('shop', {
    typeDefs: 'type Query { products: [Product] } type Product @key(fields: "id") { id: ID! }',
    resolvers: { Query: { products: () => [{ id: '1' }, { id: '2' }] } },
  });
  stock = await serveForeignSubgraph('stock', {
    typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int }',
    resolvers: { Product: { units: () => 7 } },
  });
  folder = await mkdtemp(join(tmpdir(), 'aegis-tracing-'));
  await writeFile(join(folder, 'supergraph.graphql'), composeSupergraph([shop, stock]));
});

beforeEach(async () => {
  collector = await openTraceCollector();
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
  await collector.close();
});

afterAll(async () => {
  await Promise.all([shop.close(), stock.close()]);
  await rm(folder, { recursive: true, force: true });
});

function start(env: Record<string, string>): AegisProcess {
  const args = ['gateway', '--supergraph', join(folder, 'supergraph.graphql'), '--port', '0'];
  const process = spawnAegis(args, { env });
  processes.push(process);
  return process;
}

/** A gateway that has answered a query. */
async function serve(env: Record<string, string>): Promise<AegisProcess> {
  const process = start(env);
  const { url } = await process.waitForLine('it answered', (line) => typeof line['url'] === 'string');
  const graph = createGraphClient({ url: String(url), apiKey: undefined });
  expect(await graph.query('query Stocked { products { units } }')).toEqual({
    products: [{ units: 7 }, { units: 7 }],
  });
  return process;
}

async function measureStop(process: AegisProcess): Promise<number> {
  const startedAt = performance.now();
  expect(await process.stop()).toBe(0);
  return performance.now() - startedAt;
}

const failures = ({ lines }: AegisProcess) =>
  lines.filter(({ msg }) => msg?.startsWith('the collector of traces') === true);

describe('a process that is given a collector of traces', () => {
  it('sends it the spans of what it does, and the last ones before it ends', async () => {
    const process = await serve({
      AEGIS_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=one%20key',
      OTEL_SERVICE_NAME: 'the gateway',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=here',
    });
    await process.stop();
    const operation = collector.spans.find(({ name }) => name === 'query Stocked');
    expect(operation).toMatchObject({
      kind: 2,
      resource: { 'service.name': 'the gateway', 'deployment.environment.name': 'here' },
    });
    const children = collector.spans.filter(({ parentId }) => parentId === operation?.spanId);
    expect(children.map(({ name }) => name).sort()).toEqual(['fetch shop', 'fetch stock', 'plan']);
    expect(collector.headers[0]).toMatchObject({ 'x-key': 'one key' });
    expect(failures(process)).toEqual([]);
  });

  it('goes on without it, and says once that it is not there', async () => {
    const process = await serve({ AEGIS_OTLP_ENDPOINT: `http://127.0.0.1:${await findFreePort()}` });
    await process.waitForLine('it said so', ({ msg }) => msg?.startsWith('the collector') === true);
    expect(await measureStop(process)).toBeLessThan(5_000);
    expect(failures(process)).toHaveLength(1);
  });

  it('does not wait for long at its end for one that does not answer', async () => {
    collector.fault = () => undefined;
    const process = await serve({ AEGIS_OTLP_ENDPOINT: collector.endpoint });
    expect(await measureStop(process)).toBeLessThan(5_000);
  });

  it.each([
    ['AEGIS_OTLP_ENDPOINT', 'grpc://127.0.0.1:4317'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a-secret'],
  ])('refuses %s that is none, without telling a secret', async (name, value) => {
    const process = start({ [name]: value });
    await process.ended;
    const told = JSON.stringify(process.lines);
    expect(process.exitCode()).not.toBe(0);
    expect(told).toContain(name);
    expect(told).not.toContain('a-secret');
  });
});

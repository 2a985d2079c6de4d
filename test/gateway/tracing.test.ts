import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { openTracing } from '../../kernel/telemetry/open-tracing.js';
import type { Tracing } from '../../kernel/telemetry/tracing.js';
import { openAgent } from '../support/agent.js';
import { askEveryWay } from '../support/every-way.js';
import { createEventSource } from '../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { serveGateway, type ServedGateway } from '../support/gateway-server.js';
import { serveRemoteGateway, type RemoteGateway } from '../support/remote-gateway.js';
import { openStream } from '../support/stream-reader.js';
import { openSubscriber } from '../support/subscriber.js';
import { openTraceCollector, type CollectedSpan, type TraceCollector } from '../support/trace-collector.js';

const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`;

const silent = createLogger({ level: 'silent', pretty: false });
let collector: TraceCollector;
/** In the order in which it was opened. */
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  collector = await openTraceCollector();
});

afterEach(async () => {
  await closeAll();
  await collector.close();
});

/** The gateway first, and then the tracing, which sends what is left. */
async function closeAll(): Promise<void> {
  for (const one of opened.splice(0).reverse()) await one.close();
}

async function beginTracing(ratio = 1): Promise<Tracing> {
  const begun = await openTracing({
    endpoint: collector.endpoint,
    headers: { 'x-key': 'of the collector' },
    serviceName: 'test',
    resourceAttributes: { 'deployment.environment.name': 'here' },
    ratio,
    logger: silent,
  });
  opened.push(begun);
  return begun.tracing;
}

async function collect(): Promise<readonly CollectedSpan[]> {
  await closeAll();
  return collector.spans;
}

function only(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const [found, another] = spans.filter((span) => span.name === name);
  if (found && !another) return found;
  throw new Error(`expected one ${name}, got ${spans.map((one) => one.name).join()}`);
}

async function serveLocal(ratio?: number): Promise<ServedGateway> {
  const served = await serveGateway({ tracing: await beginTracing(ratio), mcp: 'on' });
  opened.push(served);
  return served;
}

describe('the spans of an operation', () => {
  it('are the operation, its plan and its fetches, below the step that asked', async () => {
    const served = await serveLocal();
    const query = 'query Shown($id: ID!) { product(id: $id) { name units } }';
    const headers = { traceparent: TRACEPARENT, 'apollographql-client-name': 'the page' };
    await served.post({ query, variables: { id: '7' } }, headers);
    const spans = await collect();
    const operation = only(spans, 'query Shown');
    expect(operation).toMatchObject({
      kind: SERVER,
      parentId: PARENT,
      status: 0,
      attributes: {
        'graphql.operation.type': 'query',
        'graphql.operation.name': 'Shown',
        'aegis.operation.via': 'http',
        'aegis.operation.outcome': 'ok',
        'aegis.client.name': 'the page',
        'aegis.graphql.document.hash': expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      resource: { 'service.name': 'test', 'deployment.environment.name': 'here' },
    });
    expect(only(spans, 'plan')).toMatchObject({ kind: INTERNAL, parentId: operation.spanId });
    expect(only(spans, 'fetch shop')).toMatchObject({ kind: INTERNAL, parentId: operation.spanId });
    expect(only(spans, 'fetch stock')).toMatchObject({
      parentId: operation.spanId,
      attributes: { 'aegis.subgraph.name': 'stock', 'aegis.fetch.entities': 1 },
    });
    expect(spans).toHaveLength(4);
    expect(collector.headers.at(-1)).toMatchObject({ 'x-key': 'of the collector' });
  });

  it('have no plan among them that was there', async () => {
    const served = await serveLocal();
    const ask = () => served.post({ query: 'query Again { hello }' }, { traceparent: TRACEPARENT });
    await ask();
    await ask();
    const names = (await collect()).map(({ name }) => name);
    expect(names.filter((name) => name === 'query Again')).toHaveLength(2);
    expect(names.filter((name) => name === 'plan')).toHaveLength(1);
  });

  it('are there by every way, under the trace that subgraphs are told', async () => {
    const served = await serveLocal();
    const query = 'query Everywhere { whoAsks }';
    const told = await askEveryWay(served, { query });
    const agent = await openAgent(served.url);
    const called = await agent.call('execute_query', { query });
    await agent.client.close();
    const stream = await openStream(`${served.url}/graphql`, {
      headers: {
        'content-type': 'application/json',
        accept: 'multipart/mixed;subscriptionSpec="1.0"',
      },
      body: { query: 'subscription Everywhere { sold { id } }' },
    });
    await served.inside.sold.untilReaders(1);
    stream.leave();
    await served.inside.sold.untilReaders(0);
    const spans = (await collect()).filter(({ kind }) => kind === SERVER);
    const ways = spans.map(({ name, attributes }) => [name, attributes['aegis.operation.via']]);
    expect(ways.sort()).toEqual([
      ['query Everywhere', 'http'],
      ['query Everywhere', 'http'],
      ['query Everywhere', 'http'],
      ['query Everywhere', 'mcp'],
      ['query Everywhere', 'sse'],
      ['query Everywhere', 'websocket'],
      ['subscription Everywhere', 'multipart'],
    ]);
    const traceIds = spans.map(({ traceId }) => traceId);
    for (const { data } of [...Object.values(told), called.answer as { data: unknown }]) {
      const [, traceId] = (data as { whoAsks: string }).whoAsks.split(' ');
      expect(traceIds).toContain(traceId);
    }
  });

  it('tell what went wrong by codes', async () => {
    const served = await serveLocal();
    const headers = { traceparent: TRACEPARENT };
    await served.post({ query: 'query Wrong { strict }' }, headers);
    await served.post({ query: '{ nothingOfThatName }' }, headers);
    const spans = await collect();
    expect(only(spans, 'query Wrong')).toMatchObject({
      status: 2,
      attributes: { 'error.type': 'CONFLICT', 'aegis.operation.outcome': 'failed' },
    });
    expect(only(spans, 'fetch shop')).toMatchObject({ status: 2, attributes: { 'error.type': 'CONFLICT' } });
    expect(only(spans, 'GraphQL Operation')).toMatchObject({
      status: 0,
      attributes: { 'error.type': 'GRAPHQL_VALIDATION_FAILED', 'aegis.operation.outcome': 'refused' },
    });
  });

  it('hold nothing of variables, literals and headers', async () => {
    const served = await serveLocal();
    const query =
      'query Quiet($id: ID!) { product(id: $id) { name units } hello(name: "literal-secret") fails }';
    const headers = {
      traceparent: TRACEPARENT,
      authorization: 'Bearer header-secret',
      cookie: 'cookie-secret',
    };
    const before = collector.bytes.length;
    await served.post({ query, variables: { id: 'variable-secret' } }, headers);
    expect(await collect()).not.toHaveLength(0);
    const sent = Buffer.concat(collector.bytes.slice(before)).toString('latin1');
    expect(sent).toContain('query Quiet');
    expect(sent).not.toMatch(/secret/);
  });

  it('are recorded where the client says so, and otherwise as far as is set', async () => {
    const served = await serveLocal(0);
    await served.post({ query: '{ hello }' });
    await served.post({ query: '{ hello }' }, { traceparent: `00-${'a'.repeat(32)}-${PARENT}-00` });
    await served.post({ query: '{ hello }' }, { traceparent: TRACEPARENT });
    const traceIds = new Set((await collect()).map(({ traceId }) => traceId));
    expect([...traceIds]).toEqual([TRACE]);
  });
});

describe('the spans of subgraphs in other processes', () => {
  const source = createEventSource<{ sold: { id: string } }>();
  let shop: ForeignSubgraph;
  let stock: ForeignSubgraph;

  beforeAll(async () => {
    shop = await serveForeignSubgraph('shop', {
      typeDefs: `
        type Query { product(id: ID!): Product }
        type Subscription { sold: Product }
        type Product @key(fields: "id") { id: ID! name: String }`,
      resolvers: {
        Query: { product: (_parent: unknown, { id }: { id: string }) => ({ id, name: 'thing' }) },
        Subscription: { sold: { subscribe: () => source.open() } },
      },
    });
    stock = await serveForeignSubgraph('stock', {
      typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int }',
      resolvers: { Product: { units: () => 7 } },
    });
  });

  afterAll(() => Promise.all([shop.close(), stock.close()]));

  async function serve(ratio?: number): Promise<RemoteGateway> {
    const tracing = await beginTracing(ratio);
    const served = await serveRemoteGateway([shop, stock], { tracing });
    opened.push(served);
    return served;
  }

  async function post(url: string, query: string, headers: Record<string, string> = {}): Promise<void> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
    expect(await response.json()).not.toHaveProperty('errors');
  }

  it('hang below our fetches', async () => {
    const { url } = await serve();
    await post(url, 'query Far { product(id: "1") { name units } }', { traceparent: TRACEPARENT });
    const spans = await collect();
    const fetched = only(spans, 'fetch stock');
    expect(fetched).toMatchObject({
      kind: CLIENT,
      parentId: only(spans, 'query Far').spanId,
      attributes: {
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(stock.url).port),
      },
    });
    const told = stock.requests.at(-1)?.headers['traceparent'];
    expect(told).toBe(`00-${TRACE}-${fetched.spanId}-01`);
  });

  it('are told that nothing is recorded where nothing is', async () => {
    const { url } = await serve(0);
    await post(url, '{ product(id: "1") { units } }');
    expect(stock.requests.at(-1)?.headers['traceparent']).toMatch(/-00$/);
  });

  it('are begun by events, each in a trace of its own with a link to the subscription', async () => {
    const { webSocketUrl } = await serve();
    const subscriber = await openSubscriber(webSocketUrl);
    subscriber.subscribe({
      query: 'subscription Sold { sold { id units } }',
      extensions: { traceparent: TRACEPARENT },
    });
    await source.untilReaders(1);
    source.push({ sold: { id: '1' } });
    await subscriber.untilEvents(1);
    subscriber.socket.terminate();
    await source.untilReaders(0);
    const spans = await collect();
    const begun = only(spans, 'begin subscription');
    expect(only(spans, 'subscription Sold')).toMatchObject({
      spanId: begun.parentId,
      traceId: TRACE,
      parentId: PARENT,
      attributes: { 'aegis.operation.via': 'websocket', 'aegis.subscription.events': 1 },
    });
    expect(only(spans, 'subscribe shop')).toMatchObject({ kind: CLIENT, parentId: begun.spanId });
    const event = only(spans, 'complete event');
    expect(event).toMatchObject({ links: [begun.spanId], parentId: '' });
    expect(event.traceId).not.toBe(TRACE);
    expect(only(spans, 'fetch stock')).toMatchObject({ traceId: event.traceId, parentId: event.spanId });
  });
});

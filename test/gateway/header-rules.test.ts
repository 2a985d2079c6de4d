import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { openGatewayServer, type GatewayServer } from '../../gateway/ingress/gateway-server.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { applyHeaderRules } from '../../gateway/transports/apply-header-rules.js';
import { createHeaderRules } from '../../gateway/transports/header-rules.js';
import { createHttpTransport } from '../../gateway/transports/http-transport.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { createIdentify } from '../../kernel/identity/api-keys.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { createEventSource } from '../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { toLocal, type TestSubgraph } from '../support/test-gateway.js';

const ticks = createEventSource<{ tick: number }>();
const far: TestSubgraph = {
  typeDefs: 'type Query { far: Int } type Subscription { tick: Int }',
  resolvers: { Query: { far: () => 1 }, Subscription: { tick: { subscribe: () => ticks.open() } } },
};
const near: TestSubgraph = {
  typeDefs: 'type Query { near: String }',
  resolvers: {
    Query: {
      near: (_parent: unknown, _args: unknown, context: unknown) =>
        JSON.stringify((context as RequestContext).headers),
    },
  },
};

const rules = createHeaderRules(
  {
    all: [{ forward: 'x-user', connectionParams: true }, { forward: { matching: '^x-tenant' } }],
    subgraphs: {
      far: [{ insert: 'x-key', fromEnv: 'FAR_KEY' }],
      near: [{ remove: 'x-user' }],
    },
  },
  { variable: () => 'the key' },
);

let remote: ForeignSubgraph;
let gateway: Gateway;
let server: GatewayServer;
const clients: Client[] = [];

beforeEach(async () => {
  const logger = createLogger({ level: 'silent', pretty: false });
  const metrics = createMetrics();
  remote = await serveForeignSubgraph('far', far);
  const local = await serveForeignSubgraph('near', near);
  gateway = createGateway({
    ...planInThread(composeSupergraph([remote, local])),
    openTransport: ({ name, url }) => {
      if (name === 'near')
        return applyHeaderRules(
          createInProcessTransport({ subgraph: toLocal('near', near), logger }),
          'near',
          rules,
        );
      return createHttpTransport({
        subgraph: name,
        url,
        timeoutMs: 2_000,
        connections: 8,
        maxResponseBytes: 100_000,
        headersFor: ({ headers }) => Promise.resolve(rules.headersFor(name, headers)),
      });
    },
    logger,
    metrics,
    operationTimeoutMs: 5_000,
    planCacheSize: 10,
  });
  await local.close();
  server = await openGatewayServer({
    gateway,
    host: '127.0.0.1',
    port: 0,
    identify: createIdentify([], { openWorkspace: DEFAULT_WORKSPACE }),
    open: true,
    allowedOrigins: [],
    maxBodyBytes: 100_000,
    pagesFolder: 'dist/no-pages',
    logger,
    metrics,
    pickHeaders: rules.pick,
    routes: [],
    closeDeadlineMs: 500,
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  await server.close();
  await gateway.close();
  await remote.close();
});

async function post(query: string, headers: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

/** Subscribes with connection parameters. */
function subscribe(connectionParams: Record<string, unknown>): AsyncIterableIterator<unknown> {
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams,
  });
  clients.push(client);
  return client.iterate({ query: 'subscription { tick }' });
}

describe('headers of clients', () => {
  it('reach a subgraph over HTTP as its rules say, beside those that it always gets', async () => {
    expect(
      await post('{ far }', { 'x-user': 'anna', 'x-tenant-id': '7', 'x-other': 'no', cookie: 'a=b' }),
    ).toEqual({
      data: { far: 1 },
    });
    const headers = remote.requests.at(-1)?.headers ?? {};
    expect(headers).toMatchObject({ 'x-user': 'anna', 'x-tenant-id': '7', 'x-key': 'the key' });
    expect(headers).not.toHaveProperty('x-other');
    expect(headers).not.toHaveProperty('cookie');
    expect(headers['content-type']).toBe('application/json');
  });

  it('reach a subgraph in this process as its own rules say', async () => {
    const answer = await post('{ near }', { 'x-user': 'anna', 'x-tenant-id': '7' });
    expect(answer).toEqual({ data: { near: '{"x-tenant-id":"7"}' } });
  });

  it('go with health checks where they are constants', async () => {
    await gateway.checkSubgraphs();
    expect(remote.requests.at(-1)?.headers).toMatchObject({ 'x-key': 'the key' });
  });

  it('keep equal fetches apart that differ in them', async () => {
    await Promise.all(['anna', 'bert', 'anna'].map((user) => post('{ far }', { 'x-user': user })));
    const users = remote.requests.map(({ headers }) => headers['x-user']);
    expect(new Set(users)).toEqual(new Set(['anna', 'bert']));
  });

  it('keep subscriptions apart that differ in them, and let the others share', async () => {
    const streams = [{ 'x-user': 'anna' }, { 'x-user': 'bert' }, { 'x-user': 'anna' }].map(subscribe);
    const first = streams.map((stream) => stream.next());
    await ticks.untilReaders(2);
    ticks.push({ tick: 1 });
    for (const event of first) expect(await event).toEqual({ value: { data: { tick: 1 } }, done: false });
    expect(ticks.readers).toBe(2);
    expect(remote.connections).toHaveLength(2);
    expect(remote.connections).toEqual(
      expect.arrayContaining([
        { 'x-user': 'anna', 'x-key': 'the key' },
        { 'x-user': 'bert', 'x-key': 'the key' },
      ]),
    );
  });
});

import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  API_KEY,
  send,
  serveGateway,
  type ServedGateway,
  type ServeGatewayOptions,
} from '../../support/gateway-server.js';
import { waitFor } from '../../support/wait-for.js';

const opened: ServedGateway[] = [];

async function serve(options: ServeGatewayOptions = {}): Promise<ServedGateway> {
  const served = await serveGateway(options);
  opened.push(served);
  return served;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((served) => served.close()));
});

describe('the door', () => {
  const QUERY = { query: '{ whoAsks }' };

  it.each([
    ['no key', {}],
    ['another key', { authorization: 'Bearer another-key-of-24-characters' }],
    ['a key that is not announced as one', { authorization: API_KEY }],
    ['another scheme', { authorization: `Basic ${API_KEY}` }],
    ['an empty header', { 'x-api-key': '' }],
  ])('lets nobody in with %s', async (_what, headers) => {
    const { post } = await serve({ apiKeys: API_KEY });
    const answer = await post(QUERY, headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.json.errors[0].extensions).toEqual({
      code: 'UNAUTHENTICATED',
      retryable: false,
      traceId: expect.any(String),
    });
    expect(answer.text).not.toContain('another-key');
  });

  it('lets in whoever has a key, in one header or the other', async () => {
    const { post } = await serve({ apiKeys: API_KEY });
    for (const headers of [{ authorization: `Bearer ${API_KEY}` }, { 'x-api-key': API_KEY }]) {
      expect((await post(QUERY, headers)).json.data.whoAsks).toMatch(/^key-/);
    }
  });

  it('reads no body of those whom it does not let in', async () => {
    const { post } = await serve({ apiKeys: API_KEY });
    expect((await post('{"query": ')).status).toBe(401);
  });

  it('tells its metrics to those it lets in', async () => {
    const { get } = await serve({ apiKeys: API_KEY });
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/metrics', { 'x-api-key': API_KEY })).status).toBe(200);
  });

  it('answers on this machine only to names of this machine, without keys', async () => {
    const { url } = await serve();
    for (const path of ['/graphql', '/', '/metrics', '/health/live']) {
      const answer = await send(url + path, 'GET', { host: 'evil.example', 'apollo-require-preflight': '1' });
      expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([403, 'FORBIDDEN']);
    }
  });

  it('answers no pages of other origins without keys, not even what they could send unseen', async () => {
    const served = await serve();
    const origin = 'https://evil.example';
    const answer = await served.post({ query: 'mutation { sell(id: "1") { id } }' }, { origin });
    expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([403, 'FORBIDDEN']);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(served.inside.mutations).toBe(0);
    const preflight = await send(`${served.url}/graphql`, 'OPTIONS', {
      origin,
      'access-control-request-method': 'POST',
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });

  it('lets pages that are allowed read answers', async () => {
    const origin = 'https://app.example.com';
    const served = await serve({ apiKeys: API_KEY, allowedOrigins: [origin] });
    const preflight = await send(`${served.url}/graphql`, 'OPTIONS', {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, content-type',
    });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization, content-type',
      vary: expect.stringContaining('Origin'),
    });
    const allowed = await served.post({ query: '{ hello }' }, { origin, authorization: `Bearer ${API_KEY}` });
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
    const other = await served.post(
      { query: '{ hello }' },
      { origin: 'https://evil.example', authorization: `Bearer ${API_KEY}` },
    );
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('health', () => {
  it('is live as long as the process is, and ready once every subgraph has answered', async () => {
    const { get, inside, gateway } = await serve();
    inside.down.add('stock');
    expect((await get('/health/live')).json).toEqual({ state: 'UP' });
    const before = await get('/health/ready');
    expect([before.status, before.json]).toEqual([
      503,
      {
        state: 'DOWN',
        supergraph: gateway.current.snapshot.id,
        subgraphs: { shop: { state: 'UP' }, stock: { state: 'DOWN', reason: 'does not answer' } },
      },
    ]);
    inside.down.clear();
    expect((await get('/health/ready')).status).toBe(200);
  });

  it('stays ready when a subgraph fails later, and tells of it', async () => {
    const { get, inside } = await serve();
    expect((await get('/health/ready')).status).toBe(200);
    inside.down.add('shop');
    const after = await get('/health/ready');
    expect([after.status, after.json.state, after.json.subgraphs.shop.state]).toEqual([200, 'UP', 'DOWN']);
  });

  it('is asked for anew with another supergraph', async () => {
    const { get, inside, gateway } = await serve();
    expect((await get('/health/ready')).status).toBe(200);
    inside.down.add('shop');
    await gateway.swap(`${gateway.current.snapshot.sdl}\n# changed\n`);
    const answer = await get('/health/ready');
    expect([answer.status, answer.json.supergraph]).toEqual([503, gateway.current.snapshot.id]);
  });

  it('needs no key', async () => {
    const { get } = await serve({ apiKeys: API_KEY });
    expect((await get('/health/ready')).status).toBe(200);
  });
});

describe('metrics', () => {
  it('count operations, fetches, plans, sockets and events', async () => {
    const { post, get, openClient, inside } = await serve();
    await post({ query: '{ product(id: "1") { units } }' });
    await post({ query: '{ product(id: "1") { units } }' });
    await post({ query: '{ product(id: "0") { units } }' });
    await post({ query: '{ strict }' });
    const events: unknown[] = [];
    openClient().subscribe(
      { query: 'subscription { sold { id } }' },
      { next: (event) => events.push(event), error: () => undefined, complete: () => undefined },
    );
    await inside.sold.untilReaders(1);
    inside.sold.push({ sold: { id: '1' } });
    await waitFor('the event is there', () => events.length === 1);
    const { text, headers } = await get('/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    for (const line of [
      'aegis_gateway_operations_total{kind="query",outcome="ok"} 2',
      'aegis_gateway_operations_total{kind="query",outcome="partial"} 1',
      'aegis_gateway_operations_total{kind="query",outcome="failed"} 1',
      'aegis_gateway_operations_total{kind="subscription",outcome="ok"} 1',
      'aegis_gateway_operation_seconds_count{kind="query"} 4',
      'aegis_gateway_fetches_total{subgraph="stock",outcome="ok"} 2',
      'aegis_gateway_fetches_total{subgraph="stock",outcome="errors"} 1',
      'aegis_gateway_plan_lookups_total{outcome="hit"} 2',
      'aegis_gateway_sockets 1',
      'aegis_gateway_subscriptions 1',
      'aegis_gateway_events_total 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });
});

describe('closing', () => {
  it('answers what is running, closes sockets with 1001, and takes nothing new', async () => {
    const served = await serve();
    const socket = served.openSocket();
    await once(socket, 'open');
    const closed = once(socket, 'close');
    socket.send('{"type":"connection_init"}');
    socket.send('{"id":"1","type":"subscribe","payload":{"query":"subscription { sold { id } }"}}');
    await served.inside.sold.untilReaders(1);
    const slow = served.post({ query: '{ slow }' });
    await waitFor('the request is running', () => served.inside.waiting === 1);

    const startedAt = Date.now();
    const closing = served.server.close();
    expect((await closed)[0]).toBe(1001);
    await served.inside.sold.untilReaders(0);
    await waitFor('nothing new is taken', () =>
      served.post({ query: '{ hello }' }).then(
        () => false,
        () => true,
      ),
    );
    served.inside.answerSlow('in time');
    expect((await slow).json).toEqual({ data: { slow: 'in time' } });
    await closing;
    await served.server.close();
    expect(Date.now() - startedAt).toBeLessThan(900);
  });

  it('breaks off at the deadline what does not end, and who does not leave', async () => {
    const served = await serve({ closeDeadlineMs: 300 });
    const socket = served.openSocket();
    await once(socket, 'open');
    // A client that no longer reads does not see that it should leave.
    socket.pause();
    const slow = served.post({ query: '{ slow }' }).catch(() => 'broken off');
    await waitFor('the request is running', () => served.inside.waiting === 1);
    const startedAt = Date.now();
    await served.server.close();
    expect(await slow).toBe('broken off');
    expect(Date.now() - startedAt).toBeLessThan(1_500);
  });
});

describe('a port that is taken', () => {
  it('is refused at once, and nothing is left open', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    await expect(serve({ port: (other.address() as AddressInfo).port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    other.close();
  });
});

describe('the routes of subgraphs', () => {
  it('stand beside those of the gateway', async () => {
    const { get } = await serve({ routes: [(server) => void server.get('/own', () => ({ own: true }))] });
    expect((await get('/own')).json).toEqual({ own: true });
  });
});

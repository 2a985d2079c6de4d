import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createSubgraphServer } from '../../../kernel/graphql/serve-subgraph.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import { serveSmallSubgraph, TOKEN, TRACEPARENT, type ServedSubgraph } from '../../support/small-subgraph.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedSubgraph;

beforeEach(async () => {
  served = await serveSmallSubgraph();
});
afterEach(async () => {
  await served.close();
});

describe('a subgraph over WebSocket', () => {
  it('streams a subscription, each event with a context of its own', async () => {
    const results = await served.collect({ query: 'subscription { count(to: 3) { value context } }' });
    const [first] = results;
    const base = first?.data.count.context as number;
    expect(results).toEqual(
      [1, 2, 3].map((value) => ({ data: { count: { value, context: base + value - 1 } } })),
    );
  });

  it('answers queries and mutations as well', async () => {
    expect(await served.collect({ query: '{ hello(name: "you") }' })).toEqual([
      { data: { hello: 'hello you' } },
    ]);
    expect(await served.collect({ query: 'mutation { remember(value: 3) }' })).toEqual([
      { data: { remember: 3 } },
    ]);
  });

  it('continues the trace that an operation names in its extensions', async () => {
    const [result] = await served.collect({ query: '{ whoAsks }', extensions: { traceparent: TRACEPARENT } });
    expect(result?.data.whoAsks).toBe('anna 0af7651916cd43dd8448eb211c80319c');
  });

  it('masks what fails by surprise, in a result and in a stream', async () => {
    const [result] = await served.collect({ query: '{ fails }' });
    expect(result).toMatchObject({
      data: { fails: null },
      errors: [{ path: ['fails'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    const end: unknown = await served
      .collect({ query: 'subscription { breaks }' })
      .catch((error: unknown) => error);
    expect(end).toMatchObject([
      { extensions: { code: 'INTERNAL_SERVER_ERROR', traceId: expect.any(String) } },
    ]);
    expect(JSON.stringify([result, end])).not.toMatch(/swordfish/);
  });

  it.each([
    ['a syntax error', 'subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', 'subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['a subscription that is refused', 'subscription { refused }', 'BAD_USER_INPUT'],
    ['a variable of another type', 'query($n: String!) { hello(name: $n) }', 'BAD_USER_INPUT'],
  ])('answers %s with a code and keeps the connection', async (_what, query, code) => {
    const client = served.openClient();
    const closes: unknown[] = [];
    client.on('closed', (event) => closes.push(event));
    const outcome: unknown = await served.collect({ query, variables: { n: 5 } }, client).then(
      ([result]): unknown => result?.errors,
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject([{ extensions: { code } }]);
    expect(closes).toEqual([]);
  });

  it('lets nobody in with another token', async () => {
    await expect(served.collect({ query: '{ whoAsks }' }, served.openClient('wrong'))).rejects.toMatchObject({
      code: 4403,
    });
  });

  it('ends the resolver’s stream when the client leaves, though it waits for its next event', async () => {
    const client = served.openClient();
    const leave = client.subscribe(
      { query: 'subscription { endless }' },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
    await waitFor('the resolver streams', () => served.state.endlessReaders === 1);
    leave();
    await waitFor('the resolver has stopped', () => served.state.endlessReaders === 0);
  });

  it('ends the resolver’s stream when the connection breaks', async () => {
    const socket = served.openSocket();
    const send = (message: unknown) => {
      socket.send(JSON.stringify(message));
    };
    await new Promise((resolve) => socket.once('open', resolve));
    send({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } });
    await new Promise((resolve) => socket.once('message', resolve));
    send({ id: '1', type: 'subscribe', payload: { query: 'subscription { endless }' } });
    await waitFor('the resolver streams', () => served.state.endlessReaders === 1);
    socket.terminate();
    await waitFor('the resolver has stopped', () => served.state.endlessReaders === 0);
  });

  it('refuses too large a message, other paths, and goes on', async () => {
    const socket = served.openSocket();
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.send('x'.repeat(60_000));
    expect(await closed).toBe(1009);
    const elsewhere = served.openSocket('/elsewhere');
    expect(await new Promise((resolve) => elsewhere.once('error', resolve))).toMatchObject({
      message: expect.stringContaining('404'),
    });
    expect(await served.collect({ query: '{ hello(name: "you") }' })).toHaveLength(1);
  });
});

describe('closing a subgraph’s server', () => {
  it('answers the request in hand, closes sockets with 1001, and takes nothing new', async () => {
    const client = served.openClient();
    const closed = new Promise<unknown>((resolve) => client.on('closed', resolve));
    client.subscribe(
      { query: 'subscription { endless }' },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
    await waitFor('the resolver streams', () => served.state.endlessReaders === 1);
    const slow = served.post({ query: '{ slow }' });
    await waitFor('the request has arrived', () => served.state.contexts === 2);
    const closing = served.server.close();
    expect(await closed).toMatchObject({ code: 1001 });
    await waitFor('new connections are refused', () => refusesConnections(served.server.url));
    served.answerSlow('in time');
    expect(await slow).toEqual({ status: 200, json: { data: { slow: 'in time' } } });
    await closing;
    expect(served.state.endlessReaders).toBe(0);
  });

  it('breaks off what is still there at the deadline', async () => {
    const slow = served.post({ query: '{ slow }' }).catch(() => 'broken off');
    await waitFor('the request has arrived', () => served.state.contexts === 1);
    await served.server.close();
    expect(await slow).toBe('broken off');
  });

  it('fails at once, and leaves nothing open, where the port is taken', async () => {
    const port = Number(new URL(served.server.url).port);
    const taken = createSubgraphServer({ ...served.options, port, metrics: createMetrics() });
    await expect(taken).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

function refusesConnections(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('error', () => resolve(true));
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}

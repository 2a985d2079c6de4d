import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client, SubscribePayload } from 'graphql-ws';
import type WebSocket from 'ws';
import { API_KEY, MAX_BODY_BYTES, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;

beforeEach(async () => {
  served = await serveGateway();
});
afterEach(async () => {
  await served.close();
});

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

interface Outcome {
  readonly next: unknown[];
  readonly error?: unknown;
}

/** Everything that an operation yields until it is complete, and the payload of its `error` message. */
function collect(payload: SubscribePayload, client: Client = served.openClient()): Promise<Outcome> {
  const next: unknown[] = [];
  return new Promise((resolve) => {
    client.subscribe(payload, {
      next: (value) => next.push(value),
      error: (error) => {
        resolve({ next, error });
      },
      complete: () => {
        resolve({ next });
      },
    });
  });
}

/** A socket that speaks as the test tells it, and what it hears. */
async function openRaw(headers: Record<string, string> = {}, init: unknown = { type: 'connection_init' }) {
  const socket = served.openSocket(headers);
  const heard: { readonly type: string; readonly id?: string; readonly payload?: unknown }[] = [];
  const closed = once(socket, 'close') as Promise<[number, Buffer]>;
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as (typeof heard)[number]));
  await once(socket, 'open');
  const say = (message: unknown) => {
    socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  };
  if (init !== undefined) say(init);
  return {
    socket,
    heard,
    say,
    closed: closed.then(([code, reason]) => [code, reason.toString()] as const),
    hear: (what: string, condition: (message: (typeof heard)[number]) => boolean) =>
      waitFor(what, () => heard.find(condition)),
  };
}

const subscribeTo = (id: string, query: string) => ({ id, type: 'subscribe', payload: { query } });

describe('an operation over WebSocket', () => {
  it('may be a query or a mutation', async () => {
    expect(await collect({ query: '{ product(id: "2") { name units } }' })).toEqual({
      next: [{ data: { product: { name: 'product 2', units: 20 } } }],
    });
    const query = 'mutation S($id: ID!) { sell(id: $id) { units } } query Other { hello }';
    expect(await collect({ query, operationName: 'S', variables: { id: '3' } })).toEqual({
      next: [{ data: { sell: { units: 30 } } }],
    });
    expect(served.inside.mutations).toBe(1);
  });

  it('may be a subscription, whose events another subgraph completes', async () => {
    const collecting = collect({ query: 'subscription { sold { name units } }' });
    await served.inside.sold.untilReaders(1);
    for (const id of ['1', '0', '2']) served.inside.sold.push({ sold: { id } });
    served.inside.sold.end();
    expect((await collecting).next).toEqual([
      { data: { sold: { name: 'product 1', units: 10 } } },
      {
        data: { sold: { name: 'product 0', units: null } },
        errors: [
          {
            message: 'none',
            path: ['sold', 'units'],
            extensions: {
              code: 'NOT_FOUND',
              retryable: false,
              traceId: expect.any(String),
              subgraph: 'stock',
            },
          },
        ],
      },
      { data: { sold: { name: 'product 2', units: 20 } } },
    ]);
  });

  it('continues the trace that it names in its extensions, in results and in errors', async () => {
    const extensions = { traceparent: TRACEPARENT };
    expect((await collect({ query: '{ whoAsks }', extensions })).next).toEqual([
      { data: { whoAsks: `anybody ${TRACE_ID}` } },
    ]);
    const { next } = await collect({ query: '{ fails }', extensions });
    expect(next).toMatchObject([
      { errors: [{ path: ['fails'], extensions: { code: 'INTERNAL_SERVER_ERROR', traceId: TRACE_ID } }] },
    ]);
    const { error } = await collect({ query: '{ nothing }', extensions });
    expect(error).toMatchObject([{ extensions: { traceId: TRACE_ID } }]);
  });

  it.each([
    ['a syntax error', { query: '{ hello(' }, 'Syntax Error', 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', { query: '{ nothing }' }, 'Cannot query field', 'GRAPHQL_VALIDATION_FAILED'],
    [
      'no one of two operations',
      { query: 'query A { hello } query B { hello }' },
      'expected the name of one of the operations',
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['too many tokens', { query: `{ ${'a: hello '.repeat(6_000)} }` }, 'tokens', 'OPERATION_TOO_COSTLY'],
  ])(
    'that cannot begin is answered with an error message, with a code: %s',
    async (_what, payload, message, code) => {
      const client = served.openClient();
      const { next, error } = await collect(payload, client);
      expect({ next, error }).toEqual({
        next: [],
        error: [
          expect.objectContaining({
            message: expect.stringContaining(message),
            extensions: expect.objectContaining({
              code,
              retryable: false,
              traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
            }),
          }),
        ],
      });
      expect((await collect({ query: '{ hello }' }, client)).next).toHaveLength(1);
    },
  );

  it.each([
    [
      'variables of another type',
      { query: 'query ($n: String) { hello(name: $n) }', variables: { n: {} } },
      'BAD_USER_INPUT',
    ],
    ['a subscription that its subgraph refuses', { query: 'subscription { refused }' }, 'FORBIDDEN'],
  ])('that fails at once is answered with a result without data: %s', async (_what, payload, code) => {
    expect(await collect(payload)).toEqual({
      next: [{ errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) })] }],
    });
  });

  it('that goes deeper than the server can follow is answered, and the socket stays', async () => {
    const client = served.openClient();
    const { error, next } = await collect(
      { query: `{ deep ${'{ a '.repeat(4_000)}{ b }${' }'.repeat(4_000)} }` },
      client,
    );
    expect(error ?? next).toBeDefined();
    expect((await collect({ query: '{ hello }' }, client)).next).toEqual([{ data: { hello: 'hello you' } }]);
  });

  it('that breaks in the middle is answered with an error message, and says nothing of the reason', async () => {
    const { next, error } = await collect({ query: 'subscription { breaks }' });
    expect(next).toEqual([{ data: { breaks: 1 } }]);
    expect(error).toMatchObject([
      { extensions: { code: 'INTERNAL_SERVER_ERROR', traceId: expect.any(String) } },
    ]);
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(served.log.filter((line) => line.includes('a secret'))).toHaveLength(1);
  });

  it('that nobody can plan is answered, says nothing of the reason, and the socket stays', async () => {
    const client = served.openClient();
    const { current } = served.gateway;
    const { prepare } = current;
    Object.assign(current, {
      prepare: () => {
        throw new TypeError('a secret');
      },
    });
    for (const query of ['{ hello }', 'subscription { sold { id } }']) {
      const { next } = await collect({ query }, client);
      expect(next).toMatchObject([{ errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] }]);
      expect(JSON.stringify(next)).not.toContain('secret');
    }
    Object.assign(current, { prepare });
    expect((await collect({ query: '{ hello }' }, client)).next).toEqual([{ data: { hello: 'hello you' } }]);
  });
});

describe('a subscription over WebSocket', () => {
  const gauge = async (name: 'sockets' | 'subscriptions') =>
    (await served.gateway.metrics[name].get()).values[0]?.value;

  it('ends at the subgraph at once when the client completes it, and its socket stays', async () => {
    const { say, socket } = await openRaw();
    say(subscribeTo('1', 'subscription { sold { id } }'));
    await served.inside.sold.untilReaders(1);
    say({ id: '1', type: 'complete' });
    await served.inside.sold.untilReaders(0);
    expect(await gauge('subscriptions')).toBe(0);
    expect(socket.readyState).toBe(socket.OPEN);
  });

  it('ends at the subgraph when the connection breaks', async () => {
    const { say, socket } = await openRaw();
    for (const field of ['id', 'name']) say(subscribeTo(field, `subscription { sold { ${field} } }`));
    await served.inside.sold.untilReaders(2);
    await waitFor('both have begun', async () => (await gauge('subscriptions')) === 2);
    expect(await gauge('sockets')).toBe(1);
    socket.terminate();
    await served.inside.sold.untilReaders(0);
    await waitFor(
      'the gateway has noticed',
      async () => (await gauge('sockets')) === 0 && (await gauge('subscriptions')) === 0,
    );
  });

  it('ends at the subgraph though the client completed it before it had begun', async () => {
    const { say, heard, hear } = await openRaw();
    say(subscribeTo('1', 'subscription { opening }'));
    await waitFor('the subgraph is asked', () => served.inside.waiting === 1);
    say({ id: '1', type: 'complete' });
    say(subscribeTo('2', '{ hello }'));
    await hear('another operation is answered', ({ id, type }) => id === '2' && type === 'complete');
    served.inside.open();
    await waitFor(
      'it has ended',
      async () => served.inside.sold.readers === 0 && (await gauge('subscriptions')) === 0,
    );
    expect(heard.filter(({ id }) => id === '1')).toEqual([]);
  });

  it('may have the id of one that has been completed right before', async () => {
    const { say, heard, hear } = await openRaw();
    say(subscribeTo('1', 'subscription { sold { id } }'));
    await served.inside.sold.untilReaders(1);
    say({ id: '1', type: 'complete' });
    say(subscribeTo('1', 'subscription { sold { name } }'));
    await waitFor('the second one has begun', async () => {
      served.inside.sold.push({ sold: { id: '1' } });
      return heard.some(({ payload }) => JSON.stringify({ payload }).includes('product 1'));
    });
    expect(served.inside.sold.readers).toBe(1);
    expect(heard.filter(({ type }) => type === 'complete')).toEqual([]);
    say({ id: '1', type: 'complete' });
    await served.inside.sold.untilReaders(0);
    say({ type: 'ping' });
    await hear('a pong', ({ type }) => type === 'pong');
  });

  it('may not have the id of one that is running', async () => {
    const { say, closed } = await openRaw();
    for (let time = 0; time < 2; time += 1) say(subscribeTo('1', 'subscription { sold { id } }'));
    expect(await closed).toEqual([4409, 'Subscriber for 1 already exists']);
    await served.inside.sold.untilReaders(0);
  });
});

describe('a connection', () => {
  it.each([
    ['says what is no message', 'nonsense', 4400],
    ['says what is no message of the protocol', { type: 'nothing' }, 4400],
    ['subscribes without having begun', subscribeTo('1', '{ hello }'), 4401],
  ])('is closed when it %s', async (_what, message, code) => {
    const { closed } = await openRaw({}, message);
    expect((await closed)[0]).toBe(code);
    expect((await collect({ query: '{ hello }' })).next).toHaveLength(1);
  });

  it('is closed when it begins twice', async () => {
    const { say, closed } = await openRaw();
    say({ type: 'connection_init' });
    expect((await closed)[0]).toBe(4429);
  });

  it('is closed when it says too much at once, and the server goes on without a word to the console', async () => {
    const { say, closed } = await openRaw();
    say(subscribeTo('1', `{ hello(name: "${'x'.repeat(MAX_BODY_BYTES)}") }`));
    expect((await closed)[0]).toBe(1009);
    expect((await collect({ query: '{ hello }' })).next).toHaveLength(1);
  });

  it('may say who it is in its parameters or its headers, and is closed when nobody knows it', async () => {
    const own = await serveGateway({ apiKeys: API_KEY });
    const ask = (parameters: Record<string, unknown>) =>
      collect({ query: '{ whoAsks }' }, own.openClient(parameters));
    for (const parameters of [
      { authorization: `Bearer ${API_KEY}` },
      { Authorization: `bearer ${API_KEY}` },
      { apiKey: API_KEY },
      { 'x-api-key': API_KEY },
    ]) {
      expect((await ask(parameters)).next).toMatchObject([
        { data: { whoAsks: expect.stringMatching(/^key-/) } },
      ]);
    }
    for (const parameters of [
      {},
      { authorization: 'Bearer other' },
      { authorization: API_KEY },
      { apiKey: 5 },
    ]) {
      expect((await ask(parameters)).error).toMatchObject({ code: 4403, reason: 'Forbidden' });
    }
    const socket = own.openSocket({ authorization: `Bearer ${API_KEY}` });
    await once(socket, 'open');
    socket.send('{"type":"connection_init"}');
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe('{"type":"connection_ack"}');
    await own.close();
  });

  it('is refused at other paths, and to pages of other origins and under other names', async () => {
    const refusal = (socket: WebSocket) =>
      new Promise((resolve) => {
        socket.once('unexpected-response', (_request, { statusCode }) => {
          resolve(statusCode);
        });
        socket.once('open', () => {
          resolve('open');
        });
      });
    const { host, port } = new URL(served.url);
    expect(await refusal(served.openSocket({ origin: 'https://evil.example' }))).toBe(403);
    expect(await refusal(served.openSocket({ origin: 'null' }))).toBe(403);
    expect(
      await refusal(
        served.openSocket({ host: `evil.example:${port}`, origin: `http://evil.example:${port}` }),
      ),
    ).toBe(403);
    expect(await refusal(served.openSocket({ origin: `http://${host}` }))).toBe('open');
    expect(await refusal(served.openSocket({ origin: 'http://localhost:3000' }))).toBe('open');
    expect(await refusal(served.openSocket())).toBe('open');
  });

  it.each(['//', '/nowhere', '/graphql/', '*', 'http://[/'])(
    'that is asked for at %s takes nobody down',
    async (path) => {
      const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      const [data] = (await once(socket, 'data')) as [Buffer];
      expect(data.toString()).toMatch(/^HTTP\/1.1 40[04]/);
      socket.resetAndDestroy();
      expect((await served.post({ query: '{ hello }' })).status).toBe(200);
    },
  );

  it('that is reset while it is refused takes nobody down', async () => {
    for (let time = 0; time < 20; time += 1) {
      const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      socket.resetAndDestroy();
    }
    expect((await served.post({ query: '{ hello }' })).status).toBe(200);
  });
});

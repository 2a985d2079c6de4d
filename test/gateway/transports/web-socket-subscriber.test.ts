import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocketServer, type WebSocket } from 'ws';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { SubgraphResponse } from '../../../gateway/transports/transport.js';
import type { SubgraphSubscriber } from '../../../gateway/transports/subgraph-subscriber.js';
import { SubscriptionRefused } from '../../../gateway/transports/subscription-refused.js';
import {
  createWebSocketSubscriber,
  type WebSocketSubscriberOptions,
} from '../../../gateway/transports/web-socket-subscriber.js';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { findFreePort } from '../../support/free-port.js';
import { subscriptionOf } from '../../support/subscription-request.js';
import { anyContext } from '../../support/test-gateway.js';
import { waitFor } from '../../support/wait-for.js';

let subgraph: ForeignSubgraph;
let source: EventSource<{ tick: number | null }>;
const subscribers: SubgraphSubscriber[] = [];

beforeEach(async () => {
  source = createEventSource();
  subgraph = await serveForeignSubgraph('clock', {
    typeDefs: 'type Query { none: Int } type Subscription { tick: Int refused: Int }',
    resolvers: {
      Subscription: {
        tick: {
          subscribe: () => source.open(),
          resolve: ({ tick }: { tick: number | null }) => {
            if (tick === null) throw new Error('broken');
            return tick;
          },
        },
        refused: {
          subscribe: () => {
            throw new Error('refused');
          },
        },
      },
    },
  });
});

afterEach(async () => {
  await Promise.all(subscribers.splice(0).map((subscriber) => subscriber.close()));
  await subgraph.close();
});

function open(options: Partial<WebSocketSubscriberOptions> = {}): SubgraphSubscriber {
  const subscriber = createWebSocketSubscriber({
    subgraph: 'clock',
    url: subgraph.url,
    timeoutMs: 1_000,
    maxResponseBytes: 10_000,
    headersFor: ({ principal }) => Promise.resolve({ authorization: principal.subject }),
    ...options,
  });
  subscribers.push(subscriber);
  return subscriber;
}

interface Asking {
  readonly text?: string;
  readonly context?: RequestContext;
  readonly signal?: AbortSignal;
}

function subscribe(
  subscriber: SubgraphSubscriber,
  { text = 'subscription { tick }', context = anyContext(), ...asked }: Asking = {},
) {
  return subscriber.subscribe({ ...subscriptionOf(text, asked), context });
}

const as = (subject: string): RequestContext => {
  const context = anyContext();
  return { ...context, principal: { ...context.principal, subject } };
};

describe('a subscription at a subgraph over graphql-ws', () => {
  it('yields events with their errors in order, until the subgraph has no more', async () => {
    const events = await subscribe(open());
    await source.untilReaders(1);
    for (const tick of [1, null, 3]) source.push({ tick });
    source.end();
    const seen: SubgraphResponse[] = [];
    for await (const event of events) seen.push(event);
    expect(seen).toEqual([
      { data: { tick: 1 } },
      { data: { tick: null }, errors: [{ message: 'broken', path: ['tick'] }] },
      { data: { tick: 3 } },
    ]);
    await waitFor('its socket is closed', () => subgraph.sockets() === 0);
  });

  it('says who is asking when the connection begins, and the trace with each subscription', async () => {
    const context = as('anna');
    await subscribe(open(), { context });
    await source.untilReaders(1);
    expect(subgraph.connections).toEqual([{ authorization: 'anna' }]);
    expect(subgraph.payloads).toMatchObject([{ extensions: { traceparent: context.trace.traceparent } }]);
  });

  it('shares the socket of its identity, and no other', async () => {
    const subscriber = open();
    const events = await Promise.all(
      ['anna', 'anna', 'bert'].map((name) => subscribe(subscriber, { context: as(name) })),
    );
    await source.untilReaders(3);
    expect(subgraph.sockets()).toBe(2);
    await events[0]?.return?.();
    await source.untilReaders(2);
    expect(subgraph.sockets()).toBe(2);
  });

  it('ends at the subgraph at once when its reader leaves, or the signal is aborted', async () => {
    const subscriber = open();
    const left = new AbortController();
    const events = await subscribe(subscriber);
    const others = await subscribe(subscriber, { signal: left.signal });
    await source.untilReaders(2);
    const waiting = [events.next(), others.next()];
    await events.return?.();
    await source.untilReaders(1);
    left.abort();
    await source.untilReaders(0);
    expect(await Promise.all(waiting)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
  });

  it('begins anew right after the last one of its identity has ended', async () => {
    const subscriber = open();
    for (const tick of [1, 2, 3]) {
      const events = await subscribe(subscriber);
      await waitFor('it has begun', () => subgraph.payloads.length === tick && source.readers === 1);
      source.push({ tick });
      expect((await events.next()).value).toEqual({ data: { tick } });
      await events.return?.();
    }
  });

  it('is refused with the errors of the subgraph', async () => {
    const events = await subscribe(open(), { text: 'subscription { nothing }' });
    const error: unknown = await events.next().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SubscriptionRefused);
    expect((error as SubscriptionRefused).errors[0]?.message).toContain('Cannot query field "nothing"');
  });

  it.each([
    ['with a code of its own', 4500],
    ['normally, in the middle of it', 1000],
    ['when it stops', 1001],
    ['by cutting it', undefined],
  ])('ends with UPSTREAM_FAILED when the subgraph closes the socket %s', async (_how, code) => {
    const subscriber = open();
    const events = await Promise.all([subscribe(subscriber), subscribe(subscriber)]);
    await source.untilReaders(2);
    source.push({ tick: 1 });
    for (const stream of events) expect((await stream.next()).value).toEqual({ data: { tick: 1 } });
    const ends = events.map((stream) => stream.next());
    subgraph.dropSockets(code);
    for (const end of ends) {
      await expect(end).rejects.toMatchObject({
        code: 'UPSTREAM_FAILED',
        message: expect.stringContaining(`(close code ${code ?? 1006})`),
      });
    }
    // Nobody subscribes again behind the client's back.
    await source.untilReaders(0);
    expect(subgraph.payloads).toHaveLength(2);
    expect(await events[0].next()).toMatchObject({ done: true });
    const again = await subscribe(subscriber);
    await source.untilReaders(1);
    await again.return?.();
  });

  it('is refused at once when the subgraph does not let it in, or is not there', async () => {
    await expect(subscribe(open(), { context: as('wrong') })).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('4403'),
    });
    const absent = open({ url: `http://127.0.0.1:${await findFreePort()}/graphql` });
    await expect(subscribe(absent)).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('ends when what it waits with is more than its reader will ever catch up with', async () => {
    const events = await subscribe(open());
    await source.untilReaders(1);
    for (let tick = 0; tick < 1_500; tick += 1) source.push({ tick });
    await source.untilReaders(0);
    let seen = 0;
    const end: unknown = await (async () => {
      for (;;) {
        const { done } = await events.next();
        if (done) return 'the end';
        seen += 1;
      }
    })().catch((error: unknown) => error);
    expect(seen).toBe(1_024);
    expect(end).toBeInstanceOf(AegisError);
    expect(end).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('1024') });
  });
});

describe('a server that does not keep to the protocol', () => {
  let server: Server;
  let sockets: WebSocketServer;
  let serve: (socket: WebSocket) => void;

  beforeEach(async () => {
    server = createServer();
    sockets = new WebSocketServer({ server, handleProtocols: () => 'graphql-transport-ws' });
    sockets.on('connection', (socket) => serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const client of sockets.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  const begin = () =>
    subscribe(
      open({
        timeoutMs: 100,
        keepAliveMs: 50,
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
      }),
    );

  /** Acknowledges, and answers each subscription with some messages. */
  const answering =
    (...messages: object[]) =>
    (socket: WebSocket) => {
      socket.on('message', (data: Buffer) => {
        const { type, id } = JSON.parse(data.toString()) as { type: string; id?: string };
        if (type === 'connection_init') socket.send('{"type":"connection_ack"}');
        if (type === 'subscribe')
          for (const message of messages) socket.send(JSON.stringify({ id, ...message }));
      });
    };

  it('and acknowledges nothing is given up in time', async () => {
    serve = () => undefined;
    await expect(begin()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('and gives no sign of life is given up', async () => {
    serve = answering({ type: 'next', payload: { data: { tick: 1 } } });
    const events = await begin();
    expect((await events.next()).value).toEqual({ data: { tick: 1 } });
    await expect(events.next()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('and sends what is no message is given up', async () => {
    serve = (socket) => {
      socket.send('<html>');
    };
    await expect(begin()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('and sends more than is read is given up', async () => {
    serve = answering({ type: 'next', payload: { data: { tick: 'x'.repeat(20_000) } } });
    await expect((await begin()).next()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('and sends events that are none has them told as errors, and goes on', async () => {
    serve = answering(
      { type: 'next', payload: { data: null } },
      { type: 'next', payload: { data: { tick: 1 }, errors: ['text'] } },
      { type: 'error', payload: [{ message: 'm', path: 'no path' }] },
    );
    const events = await begin();
    expect((await events.next()).value).toEqual({
      errors: [{ message: 'subgraph clock: expected a GraphQL response, got an event that is none.' }],
    });
    expect((await events.next()).value).toEqual({
      data: { tick: 1 },
      errors: [{ message: 'an error without a message.' }],
    });
    await expect(events.next()).rejects.toMatchObject({ errors: [{ message: 'm' }] });
  });
});

import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createEventStreamSubscriber,
  type EventStreamSubscriberOptions,
} from '../../../gateway/transports/event-stream-subscriber.js';
import type { SubgraphSubscriber } from '../../../gateway/transports/subgraph-subscriber.js';
import { SubscriptionRefused } from '../../../gateway/transports/subscription-refused.js';
import type { SubgraphResponse } from '../../../gateway/transports/transport.js';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { findFreePort } from '../../support/free-port.js';
import { subscriptionOf } from '../../support/subscription-request.js';
import { waitFor } from '../../support/wait-for.js';

let subgraph: ForeignSubgraph;
let source: EventSource<{ tick: number | null }>;
const subscribers: SubgraphSubscriber[] = [];

beforeEach(async () => {
  source = createEventSource();
  subgraph = await serveForeignSubgraph(
    'clock',
    {
      typeDefs: 'type Query { none: Int } type Subscription { tick: Int }',
      resolvers: {
        Subscription: {
          tick: {
            subscribe: () => source.open(),
            resolve: ({ tick }: { tick: number | null }) => {
              if (tick === null) throw new Error('broken');
              return tick;
            },
          },
        },
      },
    },
    { subscriptions: 'sse' },
  );
});
afterEach(async () => {
  await Promise.all(subscribers.splice(0).map((subscriber) => subscriber.close()));
  await subgraph.close();
});

function open(options: Partial<EventStreamSubscriberOptions> = {}): SubgraphSubscriber {
  const subscriber = createEventStreamSubscriber({
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

const TICK = 'subscription { tick }';

describe('a subscription at a subgraph over Server-Sent Events', () => {
  it('yields events with their errors in order, until the subgraph has no more', async () => {
    const events = await open().subscribe(subscriptionOf(TICK));
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
    await waitFor('its connection is free', () => subgraph.sockets() === 0);
  });

  it('says who is asking, and the trace', async () => {
    const request = subscriptionOf(TICK, { subject: 'anna' });
    await open().subscribe(request);
    expect(subgraph.connections).toEqual([{ authorization: 'anna' }]);
    expect(subgraph.payloads).toEqual([{ extensions: { traceparent: request.context.trace.traceparent } }]);
  });

  it('ends at the subgraph at once when its reader leaves, the signal is aborted or the subscriber closes', async () => {
    const subscriber = open();
    const left = new AbortController();
    const events = await subscriber.subscribe(subscriptionOf(TICK));
    const others = await subscriber.subscribe(subscriptionOf(TICK, { signal: left.signal }));
    await subscriber.subscribe(subscriptionOf(TICK));
    await source.untilReaders(3);
    const waiting = [events.next(), others.next()];
    await events.return?.();
    await source.untilReaders(2);
    left.abort();
    await source.untilReaders(1);
    expect(await Promise.all(waiting)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    await subscriber.close();
    await source.untilReaders(0);
  });

  it('is told in the stream what the subgraph has against it', async () => {
    const events = await open().subscribe(subscriptionOf('subscription { nothing }'));
    expect((await events.next()).value).toEqual({
      errors: [{ message: expect.stringContaining('Cannot query field "nothing"') }],
    });
    expect(await events.next()).toMatchObject({ done: true });
  });

  it('is refused at once when the subgraph does not let it in, or is not there', async () => {
    await expect(open().subscribe(subscriptionOf(TICK, { subject: 'wrong' }))).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('HTTP 403'),
    });
    const url = `http://127.0.0.1:${await findFreePort()}/graphql`;
    await expect(open({ url }).subscribe(subscriptionOf(TICK))).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('ends with UPSTREAM_FAILED when its connection is cut, behind the events that came', async () => {
    const events = await open().subscribe(subscriptionOf(TICK));
    await source.untilReaders(1);
    source.push({ tick: 1 });
    expect((await events.next()).value).toEqual({ data: { tick: 1 } });
    subgraph.dropSockets();
    await expect(events.next()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    await source.untilReaders(0);
    expect(subgraph.payloads).toHaveLength(1);
  });

  it('ends when what it waits with is more than its reader will ever catch up with', async () => {
    const events = await open().subscribe(subscriptionOf(TICK));
    await source.untilReaders(1);
    for (let tick = 0; tick < 3_000; tick += 1) source.push({ tick });
    await source.untilReaders(0);
    let seen = 0;
    const end: unknown = await (async () => {
      for await (const _event of events) seen += 1;
      return 'the end';
    })().catch((error: unknown) => error);
    expect(seen).toBe(1_024);
    expect(end).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('1024') });
  });
});

describe('a server that does not keep to the protocol', () => {
  let server: Server;
  let serve: RequestListener;

  beforeEach(async () => {
    server = createServer((request, response) => {
      request.resume();
      serve(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const begin = (signal?: AbortSignal) =>
    open({
      timeoutMs: 100,
      silenceMs: 50,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql?at=1`,
    }).subscribe(subscriptionOf(TICK, signal ? { signal } : {}));

  const streaming =
    (...texts: string[]): RequestListener =>
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream;charset=utf-8' });
      for (const text of texts) response.write(text);
    };

  it('and answers nothing is given up in time, and at once when nobody waits', async () => {
    serve = () => undefined;
    await expect(begin()).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    const left = new AbortController();
    const beginning = begin(left.signal);
    left.abort();
    await expect(beginning).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(begin(left.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it.each([
    ['a page', 200, 'text/html', '<html>'],
    ['a result', 200, 'application/json', '{"data":{"tick":1}}'],
    ['nothing', 204, 'text/event-stream', ''],
    ['that it is overloaded', 503, 'text/plain', 'later'],
    ['more than is read', 500, 'text/plain', 'x'.repeat(20_000)],
  ])('and answers with %s is given up', async (_what, status, type, text) => {
    serve = (_request, response) => response.writeHead(status, { 'content-type': type }).end(text);
    await expect(begin()).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('and answers with errors in JSON has refused the subscription', async () => {
    serve = (_request, response) =>
      response.writeHead(400, { 'content-type': 'application/json' }).end('{"errors":[{"message":"no"}]}');
    const error: unknown = await begin().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SubscriptionRefused);
    expect(error).toMatchObject({ errors: [{ message: 'no' }] });
  });

  it('and ends its stream without a word is taken for lost', async () => {
    serve = (_request, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
    await expect((await begin()).next()).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('broke off'),
    });
  });

  it('and sends more for one event than is read is given up', async () => {
    serve = streaming('event: next\ndata: ', 'x'.repeat(6_000), 'x'.repeat(6_000));
    await expect((await begin()).next()).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('10000 bytes'),
    });
  });

  it('and gives no sign of life any more, though it used to, is given up', async () => {
    serve = streaming(':\n\n', ':\n\n', 'event: next\ndata: {"data":{"tick":1}}\n\n');
    const events = await begin();
    expect((await events.next()).value).toEqual({ data: { tick: 1 } });
    await expect(events.next()).rejects.toMatchObject({ message: expect.stringContaining('sign of life') });
  });

  it('has letters of several bytes put together, events of other kinds passed over, and nonsense told as an error', async () => {
    const head = 'event: next\ndata: {"data":{"tick":"';
    const bytes = Buffer.from('ä"}}\n\n');
    serve = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: other\nretry: x\nid: 7\nunknown: 1\ndata: {}\n\nevent: next\ndata: <html>\n\n');
      response.write(Buffer.concat([Buffer.from(head), bytes.subarray(0, 1)]), () => {
        response.write(bytes.subarray(1));
        response.end('event: complete\ndata:\n\n');
      });
    };
    const seen: SubgraphResponse[] = [];
    for await (const event of await begin()) seen.push(event);
    expect(seen).toEqual([
      { errors: [{ message: 'subgraph clock: expected a GraphQL response, got an event that is none.' }] },
      { data: { tick: 'ä' } },
    ]);
  });
});

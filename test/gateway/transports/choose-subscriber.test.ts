import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chooseSubscriber } from '../../../gateway/transports/choose-subscriber.js';
import type { SubgraphSubscriber } from '../../../gateway/transports/subgraph-subscriber.js';
import {
  readSubscriptionsOffered,
  type SubscriptionsOffered,
} from '../../../gateway/transports/subscriptions-offered.js';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { subscriptionOf } from '../../support/subscription-request.js';

let source: EventSource<{ tick: number }>;
let sockets: ForeignSubgraph;
let streams: ForeignSubgraph;
let subscriber: SubgraphSubscriber | undefined;

beforeEach(async () => {
  source = createEventSource();
  const clock = {
    typeDefs: 'type Query { none: Int } type Subscription { tick: Int }',
    resolvers: { Subscription: { tick: { subscribe: () => source.open() } } },
  };
  sockets = await serveForeignSubgraph('clock', clock);
  streams = await serveForeignSubgraph('clock', clock, { subscriptions: 'sse' });
});
afterEach(async () => {
  await subscriber?.close();
  await Promise.all([sockets.close(), streams.close()]);
});

function choose(url: string, offered?: SubscriptionsOffered): SubgraphSubscriber {
  subscriber = chooseSubscriber(
    {
      subgraph: 'clock',
      url,
      timeoutMs: 1_000,
      maxResponseBytes: 10_000,
      headersFor: () => Promise.resolve({}),
    },
    offered,
  );
  return subscriber;
}

async function hear(from: SubgraphSubscriber): Promise<void> {
  const events = await from.subscribe(subscriptionOf('subscription { tick }'));
  const event = events.next();
  await source.untilReaders(1);
  source.push({ tick: 1 });
  expect(await event).toEqual({ value: { data: { tick: 1 } }, done: false });
  await events.return?.();
  await source.untilReaders(0);
}

describe('subscriptions at a subgraph', () => {
  it('go over graphql-ws where nothing is set and a WebSocket can be opened', async () => {
    await hear(choose(sockets.url));
    expect(sockets.requests).toEqual([]);
  });

  it('go over Server-Sent Events where no WebSocket can be opened, which is asked for once', async () => {
    const chosen = choose(streams.url);
    await hear(chosen);
    await hear(chosen);
    const upgrades = streams.requests.filter(({ headers }) => headers.upgrade === 'websocket');
    expect([upgrades.length, streams.payloads.length]).toEqual([1, 2]);
  });

  it('go the way that is set, to the address that is set', async () => {
    await hear(choose(streams.url, 'sse'));
    await hear(choose(sockets.url, 'ws'));
    await hear(choose('http://127.0.0.1:9/', streams.url as SubscriptionsOffered));
    await hear(choose('http://127.0.0.1:9/', sockets.url.replace('http', 'ws') as SubscriptionsOffered));
    await expect(
      choose(streams.url, 'ws').subscribe(subscriptionOf('subscription { tick }')),
    ).rejects.toMatchObject({ code: 'UPSTREAM_FAILED', message: expect.stringContaining('HTTP 4') });
  });

  it.each([401, 403, 429, 502, 503])(
    'are not asked for otherwise where a server says %i to a WebSocket',
    async (status) => {
      let posts = 0;
      const server = createServer((request, response) => {
        if (request.method === 'POST') posts += 1;
        response.writeHead(status).end();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const refused = choose(url).subscribe(subscriptionOf('subscription { tick }'));
      await expect(refused).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
      expect(posts).toBe(0);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  );
});

describe('the setting of how subgraphs offer subscriptions', () => {
  it('is JSON by their names', () => {
    expect(readSubscriptionsOffered('{"a":"sse","b":"ws","c":"auto","d":"wss://d.example/live"}')).toEqual({
      a: 'sse',
      b: 'ws',
      c: 'auto',
      d: 'wss://d.example/live',
    });
  });

  it.each(['sse', '[]', '{"a":"SSE"}', '{"a":"ftp://a.example"}', '{"a":1}'])('is not %s', (text) => {
    expect(readSubscriptionsOffered(text)).toBeUndefined();
  });
});

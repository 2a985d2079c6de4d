import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { API_KEY, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;
const subscribers: Subscriber[] = [];

beforeEach(async () => {
  served = await serveGateway();
});
afterEach(async () => {
  for (const subscriber of subscribers.splice(0)) subscriber.socket.terminate();
  await served.close();
});

const SOLD = 'subscription { sold { name units } }';

async function open(count: number, parameters = {}): Promise<Subscriber[]> {
  const opened = await Promise.all(
    Array.from({ length: count }, () => openSubscriber(served.webSocketUrl, parameters)),
  );
  subscribers.push(...opened);
  return opened;
}

const sell = (...ids: readonly string[]) => {
  for (const id of ids) served.inside.sold.push({ sold: { id } });
};

const valueOf = async (name: string) => {
  const metric = await served.metrics.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0);
};

const fetchesOf = async (subgraph: string) => {
  const { values } = await served.gateway.metrics.fetches.get();
  return values
    .filter(({ labels }) => labels.subgraph === subgraph)
    .reduce((sum, { value }) => sum + value, 0);
};

describe('clients that ask for the same', () => {
  it('share one subscription at the subgraph and one fetch of entities for each event, and get all in order', async () => {
    const clients = await open(100);
    for (const client of clients) client.subscribe({ query: SOLD });
    await waitFor(
      'all have joined',
      async () => (await valueOf('aegis_gateway_subscription_clients')) === 100,
    );
    await served.inside.sold.untilReaders(1);
    expect(await valueOf('aegis_gateway_subscription_upstreams')).toBe(1);
    const ids = Array.from({ length: 20 }, (_, index) => String(index + 1));
    sell(...ids);
    const expected = ids.map((id) => ({ data: { sold: { name: `product ${id}`, units: Number(id) * 10 } } }));
    for (const client of clients) expect(await client.untilEvents(20)).toEqual(expected);
    expect(await fetchesOf('stock')).toBe(20);
    expect(await valueOf('aegis_gateway_subscription_deliveries_total')).toBe(2_000);
    expect(await valueOf('aegis_gateway_events_total')).toBe(20);
  });

  it('share it though they format it otherwise and name it by other ids, and not with other variables or operations', async () => {
    const [client] = await open(1);
    const query = 'subscription S($with: Boolean = true) { sold { id @include(if: $with) name } }';
    client?.subscribe({ query });
    client?.subscribe({ query: query.replaceAll(' ', '  '), variables: { with: true } });
    client?.subscribe({ query, variables: { with: false } });
    client?.subscribe({ query: 'subscription { sold { id name } }' });
    await served.inside.sold.untilReaders(3);
    sell('1');
    expect(await client?.untilEvents(4)).toHaveLength(4);
  });

  it('have their fetches of entities sent together where what they ask for differs, but not what a subgraph adds', async () => {
    const [client] = await open(1);
    const fields = ['units', 'id units', 'name units'];
    for (const selected of fields) client?.subscribe({ query: `subscription { sold { ${selected} } }` });
    await served.inside.sold.untilReaders(3);
    sell('1', '2');
    const events = await client?.untilEvents(6);
    expect(events?.map((event) => (event as { data: { sold: { units: number } } }).data.sold.units)).toEqual([
      ...[10, 10, 10, 20, 20, 20],
    ]);
    expect(await fetchesOf('stock')).toBe(2);
  });

  it('get the next event when they come later, and each error of an event with its code and trace', async () => {
    const [first, second] = await open(2);
    first?.subscribe({ query: SOLD });
    await served.inside.sold.untilReaders(1);
    sell('1');
    await first?.untilEvents(1);
    second?.subscribe({ query: SOLD });
    await waitFor('it has joined', async () => (await valueOf('aegis_gateway_subscription_clients')) === 2);
    sell('0');
    const [event] = (await second?.untilEvents(1)) ?? [];
    expect(event).toEqual({
      data: { sold: { name: 'product 0', units: null } },
      errors: [
        {
          message: 'none',
          path: ['sold', 'units'],
          extensions: {
            code: 'NOT_FOUND',
            retryable: false,
            subgraph: 'stock',
            traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
          },
        },
      ],
    });
    expect((await first?.untilEvents(2))?.[1]).toEqual(event);
  });

  it('are told of the end behind the last event', async () => {
    const clients = await open(3);
    for (const client of clients) client.subscribe({ query: SOLD });
    await waitFor('all have joined', async () => (await valueOf('aegis_gateway_subscription_clients')) === 3);
    await served.inside.sold.untilReaders(1);
    sell('1', '2');
    served.inside.sold.end();
    for (const client of clients) {
      await client.untilHeard(({ type }) => type === 'complete');
      expect(client.heard.map(({ type }) => type)).toEqual(['connection_ack', 'next', 'next', 'complete']);
    }
    expect(await valueOf('aegis_gateway_subscription_clients')).toBe(0);
    expect(await valueOf('aegis_gateway_subscription_upstreams')).toBe(0);
  });
});

describe('leaving', () => {
  it('keeps the others, and the last one’s ends the subscription at the subgraph without an event', async () => {
    const [first, second] = await open(2);
    const id = first?.subscribe({ query: SOLD });
    second?.subscribe({ query: SOLD });
    await waitFor(
      'both have joined',
      async () => (await valueOf('aegis_gateway_subscription_clients')) === 2,
    );
    first?.say({ id, type: 'complete' });
    await waitFor('one has left', async () => (await valueOf('aegis_gateway_subscription_clients')) === 1);
    sell('1');
    expect(await second?.untilEvents(1)).toHaveLength(1);
    expect(first?.events).toEqual([]);
    second?.socket.terminate();
    await served.inside.sold.untilReaders(0);
    expect(await valueOf('aegis_gateway_subscription_upstreams')).toBe(0);
  });
});

describe('clients of different identities', () => {
  it('never share', async () => {
    const other = 'another-key-of-enough-characters';
    const own = await serveGateway({ apiKeys: `${API_KEY},${other}` });
    const opened = await Promise.all(
      [API_KEY, API_KEY, other].map((apiKey) => openSubscriber(own.webSocketUrl, { apiKey })),
    );
    for (const client of opened) client.subscribe({ query: SOLD });
    await own.inside.sold.untilReaders(2);
    own.inside.sold.push({ sold: { id: '1' } });
    for (const client of opened) expect(await client.untilEvents(1)).toHaveLength(1);
    expect(own.inside.sold.readers).toBe(2);
    for (const { socket } of opened) socket.terminate();
    await own.close();
  });
});

describe('a long event', () => {
  it.each([60, 200, 20_000, 90_000])('arrives whole: %i characters', async (length) => {
    const [client] = await open(1);
    client?.subscribe({ query: SOLD });
    await served.inside.sold.untilReaders(1);
    const id = 'ä'.repeat(length / 2);
    sell(id, '1');
    expect(await client?.untilEvents(2)).toMatchObject([
      { data: { sold: { name: `product ${id}` } } },
      { data: { sold: { name: 'product 1', units: 10 } } },
    ]);
    const closed = client && once(client.socket, 'close');
    client?.socket.close(1000);
    await closed;
  });
});

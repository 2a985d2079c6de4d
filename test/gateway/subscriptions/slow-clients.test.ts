import { afterEach, describe, expect, it } from '@jest/globals';
import type { SlowClientPolicy } from '../../../gateway/subscriptions/delivery.js';
import { serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { openStream } from '../../support/stream-reader.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

const SOLD = 'subscription { sold { id } }';
const PADDING = 'x'.repeat(90_000);
/** Together more than what the kernel holds for a client that does not read. */
const EVENTS = 250;
const MAX_UNSENT_BYTES = 300_000;

let served: ServedGateway;
const subscribers: Subscriber[] = [];
afterEach(async () => {
  for (const { socket } of subscribers.splice(0)) socket.terminate();
  await served.close();
});

async function subscriber(): Promise<Subscriber> {
  const opened = await openSubscriber(served.webSocketUrl);
  subscribers.push(opened);
  return opened;
}

const valueOf = async (name: string) => {
  const metric = await served.metrics.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
};

const clients = (count: number) =>
  waitFor(`${count} clients`, async () => (await valueOf('aegis_gateway_subscription_clients')) === count);

/** The numbers of the events, first to last. */
const numbersOf = (events: readonly unknown[]) =>
  events.map((event) => Number.parseInt((event as { data: { sold: { id: string } } }).data.sold.id, 10));

const ALL = Array.from({ length: EVENTS }, (_, index) => index);

/** Sends all events while one client reads and another does not. */
async function outrun(policy: SlowClientPolicy) {
  served = await serveGateway({ slowClientPolicy: policy, maxUnsentBytes: MAX_UNSENT_BYTES });
  const [fast, slow] = [await subscriber(), await subscriber()];
  for (const client of [slow, fast]) client.subscribe({ query: SOLD });
  await clients(2);
  await served.inside.sold.untilReaders(1);
  slow.socket.pause();
  let mostUnsent = 0;
  for (const number of ALL) {
    served.inside.sold.push({ sold: { id: `${number}${PADDING}` } });
    await fast.untilEvents(number + 1);
    mostUnsent = Math.max(mostUnsent, await valueOf('aegis_gateway_subscription_unsent_bytes'));
  }
  // The other one has not been held back, and has missed nothing.
  expect(numbersOf(fast.events)).toEqual(ALL);
  expect(mostUnsent).toBeLessThanOrEqual(MAX_UNSENT_BYTES + PADDING.length);
  return slow;
}

describe('a client that reads more slowly than events come', () => {
  it('is disconnected with a code of its own, and what it was sent is in order', async () => {
    const slow = await outrun('disconnect');
    await clients(1);
    slow.socket.resume();
    expect(await slow.closed).toEqual([4008, 'Slow consumer']);
    expect(slow.events.length).toBeLessThan(EVENTS);
    expect(numbersOf(slow.events)).toEqual(ALL.slice(0, slow.events.length));
  });

  it('gets the newest event when it reads again, where only the latest counts', async () => {
    const slow = await outrun('latest');
    slow.socket.resume();
    await waitFor('the newest came', () => numbersOf(slow.events).at(-1) === EVENTS - 1);
    const numbers = numbersOf(slow.events);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.length + (await valueOf('aegis_gateway_subscription_dropped_total'))).toBe(EVENTS);
    served.inside.sold.push({ sold: { id: '1000' } });
    await waitFor('the next one came', () => numbersOf(slow.events).at(-1) === 1_000);
  });

  it('misses the oldest where these are dropped, and gets the end behind the newest', async () => {
    const slow = await outrun('drop-oldest');
    slow.socket.resume();
    await waitFor('the newest came', () => numbersOf(slow.events).at(-1) === EVENTS - 1);
    served.inside.sold.end();
    await slow.untilHeard(({ type }) => type === 'complete');
    const numbers = numbersOf(slow.events);
    const missing = EVENTS - numbers.length;
    expect(missing).toBeGreaterThan(0);
    expect(numbers.slice(-1)).toEqual([EVENTS - 1]);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(await valueOf('aegis_gateway_subscription_dropped_total')).toBe(missing);
  });

  it('is cut off over HTTP', async () => {
    served = await serveGateway({ maxUnsentBytes: MAX_UNSENT_BYTES });
    const fast = await subscriber();
    const slow = await openStream(`${served.url}/graphql`, {
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: { query: SOLD },
    });
    fast.subscribe({ query: SOLD });
    await clients(2);
    slow.response.pause();
    for (const number of ALL) {
      served.inside.sold.push({ sold: { id: `${number}${PADDING}` } });
      await fast.untilEvents(number + 1);
    }
    await clients(1);
    slow.response.resume();
    await slow.untilEnd();
    expect(slow.text).not.toContain('event: complete');
  });
});

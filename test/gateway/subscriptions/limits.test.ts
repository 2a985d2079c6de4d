import { afterEach, describe, expect, it } from '@jest/globals';
import { API_KEY, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { openStream } from '../../support/stream-reader.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';

const OTHER_KEY = 'another-key-of-enough-characters';
const SOLD = 'subscription { sold { id } }';

let served: ServedGateway;
const subscribers: Subscriber[] = [];
afterEach(async () => {
  for (const { socket } of subscribers.splice(0)) socket.terminate();
  await served.close();
});

async function subscriber(parameters: Record<string, unknown> = {}): Promise<Subscriber> {
  const opened = await openSubscriber(served.webSocketUrl, parameters);
  subscribers.push(opened);
  return opened;
}

const refusal = (id: string, limit: number) => ({
  id,
  type: 'error',
  payload: [
    {
      message: expect.stringContaining(`at most ${limit} running subscriptions`),
      extensions: {
        code: 'RATE_LIMITED',
        retryable: true,
        retryAfterMs: expect.any(Number),
        limit,
        traceId: expect.any(String),
      },
    },
  ],
});

describe('the number of running subscriptions', () => {
  it('is bounded on a connection, which stays, and one that ends makes room', async () => {
    served = await serveGateway({ maxSubscriptionsPerConnection: 2 });
    const client = await subscriber();
    const first = client.subscribe({ query: SOLD });
    client.subscribe({ query: SOLD });
    const third = client.subscribe({ query: SOLD });
    expect(await client.untilHeard(({ type }) => type === 'error')).toEqual(refusal(third, 2));
    client.say({ id: first, type: 'complete' });
    const fourth = client.subscribe({ query: 'subscription { breaks }' });
    await client.untilHeard(({ id, type }) => id === fourth && type === 'next');
    const other = await subscriber();
    const more = other.subscribe({ query: 'subscription { breaks }' });
    await other.untilHeard(({ id, type }) => id === more && type === 'next');
  });

  it('is bounded for an identity on all its connections, and not by those of another', async () => {
    served = await serveGateway({ maxSubscriptionsPerIdentity: 1, apiKeys: `${API_KEY},${OTHER_KEY}` });
    const client = await subscriber({ apiKey: API_KEY });
    client.subscribe({ query: SOLD });
    await served.inside.sold.untilReaders(1);
    const second = await subscriber({ apiKey: API_KEY });
    const id = second.subscribe({ query: SOLD });
    expect(await second.untilHeard(({ type }) => type === 'error')).toEqual(refusal(id, 1));
    const other = await subscriber({ apiKey: OTHER_KEY });
    other.subscribe({ query: SOLD });
    await served.inside.sold.untilReaders(2);
  });

  it('is bounded for the whole gateway, over HTTP as over WebSocket, and a broken connection makes room', async () => {
    served = await serveGateway({ maxSubscriptions: 1 });
    const client = await subscriber();
    client.subscribe({ query: SOLD });
    await served.inside.sold.untilReaders(1);
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    const refused = await openStream(`${served.url}/graphql`, { headers, body: { query: SOLD } });
    await refused.untilEnd();
    expect(refused.events()).toMatchObject([
      { errors: [{ extensions: { code: 'RATE_LIMITED', limit: 1 } }] },
    ]);
    client.socket.terminate();
    await served.inside.sold.untilReaders(0);
    const later = await openStream(`${served.url}/graphql`, { headers, body: { query: SOLD } });
    await served.inside.sold.untilReaders(1);
    later.leave();
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { serveGateway, type ServeGatewayOptions, type ServedGateway } from '../../support/gateway-server.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;
const subscribers: Subscriber[] = [];

afterEach(async () => {
  for (const { socket } of subscribers.splice(0)) socket.terminate();
  await served.close();
});

async function open(options: ServeGatewayOptions): Promise<Subscriber> {
  served = await serveGateway(options);
  const subscriber = await openSubscriber(served.webSocketUrl);
  subscribers.push(subscriber);
  return subscriber;
}

const valueOf = async (name: string) => {
  const metric = await served.metrics.getSingleMetric(name)?.get();
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
};

describe('the queries and mutations of one socket', () => {
  it('are refused beyond their number, until one of them is answered or given up', async () => {
    const client = await open({ maxOperationsPerConnection: 2 });
    const [answered, givenUp] = [0, 1].map(() => client.subscribe({ query: '{ slow }' }));
    await waitFor('both are under way', () => served.inside.waiting === 2);
    const refused = client.subscribe({ query: '{ hello }' });
    expect(await client.untilHeard(({ id }) => id === refused)).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'RATE_LIMITED', retryable: true, limit: 2 } }],
    });
    // Subscriptions are counted for themselves.
    client.subscribe({ query: 'subscription { sold { id } }' });
    await served.inside.sold.untilReaders(1);
    client.say({ id: givenUp, type: 'complete' });
    const next = client.subscribe({ query: '{ hello }' });
    expect(await client.untilHeard(({ id }) => id === next)).toMatchObject({ type: 'next' });
    served.inside.answerSlow('late');
    expect(await client.untilHeard(({ id }) => id === answered)).toMatchObject({
      type: 'next',
      payload: { data: { slow: 'late' } },
    });
  });

  it('are read no further while their client does not read, and go on when it does', async () => {
    const results = 200;
    const bound = 200_000;
    const client = await open({ maxUnsentBytes: bound, maxOperationsPerConnection: 100 });
    const name = 'x'.repeat(90_000);
    const query = `query($n: String) { ${Array.from({ length: 5 }, (_, i) => `a${i}: hello(name: $n)`).join(' ')} }`;
    client.socket.pause();
    let mostUnsent = 0;
    for (let sent = 0; sent < results; sent += 1) {
      client.subscribe({ query, variables: { n: name } });
      await new Promise(setImmediate);
      mostUnsent = Math.max(mostUnsent, await valueOf('aegis_gateway_sockets_unsent_bytes'));
    }
    await waitFor('results wait', async () => {
      mostUnsent = Math.max(mostUnsent, await valueOf('aegis_gateway_sockets_unsent_bytes'));
      return mostUnsent > bound;
    });
    // What was read before the bound was passed still comes; all of them together would be 90 MB.
    expect(mostUnsent).toBeLessThan(10_000_000);
    client.socket.resume();
    await waitFor(
      'each has its answer',
      () => client.heard.filter(({ type }) => type === 'next' || type === 'error').length === results,
    );
    const last = client.subscribe({ query: '{ hello }' });
    expect(await client.untilHeard(({ id }) => id === last)).toMatchObject({ type: 'next' });
    expect(await valueOf('aegis_gateway_sockets_unsent_bytes')).toBeLessThanOrEqual(bound);
  });
});

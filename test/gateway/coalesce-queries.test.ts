import { afterEach, describe, expect, it } from '@jest/globals';
import { serveGateway, type ServedGateway } from '../support/gateway-server.js';
import { waitFor } from '../support/wait-for.js';

const KEYS = ['one-key-of-twenty-four-characters', 'another-key-of-twenty-four-characters'];
const as = (key: string | undefined) => ({ authorization: `Bearer ${key ?? ''}` });
const QUERY = { query: 'query Slow($id: ID!) { slow product(id: $id) { name } }', variables: { id: '1' } };

let served: ServedGateway | undefined;
afterEach(async () => {
  await served?.close();
});

async function waiting(gateway: ServedGateway, count: number): Promise<void> {
  await waitFor(`${count} ask the subgraph`, () => gateway.inside.waiting === count);
}

/** Lets everything that has been sent arrive: a request that comes later is answered. */
async function settle(gateway: ServedGateway): Promise<void> {
  await gateway.post({ query: '{ hello }' }, as(KEYS[0]));
}

describe('equal queries', () => {
  it('that are under way at one time are executed once where that is switched on', async () => {
    const gateway = (served = await serveGateway({ apiKeys: KEYS.join(), coalesceQueries: true }));
    const asking = [1, 2, 3].map(() => gateway.post(QUERY, as(KEYS[0])));
    await waiting(gateway, 1);
    await settle(gateway);
    expect(gateway.inside.waiting).toBe(1);
    gateway.inside.answerSlow('done');
    for (const { json } of await Promise.all(asking)) {
      expect(json).toEqual({ data: { slow: 'done', product: { name: 'product 1' } } });
    }
    expect(await gateway.metrics.metrics()).toContain(
      'aegis_gateway_operations_total{kind="query",outcome="ok"} 4',
    );
  });

  it('of others, with other variables, and mutations are executed each', async () => {
    const gateway = (served = await serveGateway({ apiKeys: KEYS.join(), coalesceQueries: true }));
    const asking = [
      gateway.post(QUERY, as(KEYS[0])),
      gateway.post(QUERY, as(KEYS[1])),
      gateway.post({ ...QUERY, variables: { id: '2' } }, as(KEYS[0])),
    ];
    await waiting(gateway, 3);
    gateway.inside.answerSlow('done');
    await Promise.all(asking);
    const sell = { query: 'mutation { sell(id: "1") { id } }' };
    await Promise.all([gateway.post(sell, as(KEYS[0])), gateway.post(sell, as(KEYS[0]))]);
    expect(gateway.inside.mutations).toBe(2);
  });

  it('are executed each where a mutation was between them', async () => {
    const gateway = (served = await serveGateway({ apiKeys: KEYS.join(), coalesceQueries: true }));
    const before = gateway.post(QUERY, as(KEYS[0]));
    await waiting(gateway, 1);
    await gateway.post({ query: 'mutation { sell(id: "1") { id } }' }, as(KEYS[0]));
    const after = gateway.post(QUERY, as(KEYS[0]));
    await waiting(gateway, 2);
    gateway.inside.answerSlow('done');
    await Promise.all([before, after]);
  });

  it('are executed each where that is not switched on', async () => {
    const gateway = (served = await serveGateway({ apiKeys: KEYS.join() }));
    const asking = [1, 2].map(() => gateway.post(QUERY, as(KEYS[0])));
    await waiting(gateway, 2);
    gateway.inside.answerSlow('done');
    await Promise.all(asking);
  });
});

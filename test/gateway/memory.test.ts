import { afterEach, describe, expect, it } from '@jest/globals';
import type { Gateway } from '../../gateway/gateway.js';
import { openAgent } from '../support/agent.js';
import { untilCollected } from '../support/garbage.js';
import { serveGateway, type ServedGateway } from '../support/gateway-server.js';
import { anyContext, composeTestSupergraph, openTestGateway } from '../support/test-gateway.js';

const SHOP =
  'type Query { hello: String product(id: ID!): Product } type Product @key(fields: "id") { id: ID! }';
const composeRound = (round: number) =>
  composeTestSupergraph({
    shop: { typeDefs: SHOP },
    more: { typeDefs: `type Query { round${round}: Int }` },
  });

/** What belongs to the current generation; in a function of its own, so that no variable holds it. */
function referTo({ current }: Gateway): readonly WeakRef<object>[] {
  const { snapshot, executor, limits } = current;
  return [current, snapshot, snapshot.apiSchema, executor, limits].map((held) => new WeakRef(held));
}

/** Swaps a few times, with traffic in between. */
async function swapWithTraffic(gateway: Gateway, ask: () => Promise<unknown>): Promise<WeakRef<object>[]> {
  const former: WeakRef<object>[] = [];
  for (const round of [1, 2, 3]) {
    await ask();
    former.push(...referTo(gateway));
    await gateway.swap(composeRound(round));
  }
  return former;
}

describe('memory, after the supergraph was exchanged', () => {
  let served: ServedGateway | undefined;
  afterEach(() => served?.close());

  it('holds nothing of the former ones when there is no server', async () => {
    const { gateway, close } = openTestGateway({ shop: { typeDefs: SHOP } });
    const former = await swapWithTraffic(gateway, async () => {
      const generation = gateway.current;
      const document = generation.readDocument('{ hello }');
      if (!('kind' in document)) throw new Error('the document is valid');
      await gateway.execute({
        generation,
        document,
        context: anyContext(),
        signal: new AbortController().signal,
      });
    });
    await untilCollected('a former generation', former);
    await close();
  });

  it('holds nothing of the former ones when a server has answered with them, in every way', async () => {
    served = await serveGateway({ mcp: 'on' });
    const { gateway, post, get } = served;
    const agent = await openAgent(served.url);
    const former = await swapWithTraffic(gateway, async () => {
      const answers = await Promise.all([
        post({ query: '{ hello }' }),
        post({ query: '{ hello __schema { queryType { name } } }' }),
        post({ query: '{ nothing }' }),
        post({ query: '{ hello }' }, { 'aegis-explain': 'only' }),
        post(
          { query: '{ hello ... @defer { product(id: 1) { id } } }' },
          { accept: 'multipart/mixed;deferSpec=20220824, application/json' },
        ),
        get('/health/ready'),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 200, 200, 200]);
      expect((await agent.call('search_schema', { query: 'hello' })).isError).toBe(false);
    });
    await untilCollected('a former generation', former);
    await agent.client.close();
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import { serveGateway, type ServeGatewayOptions, type ServedGateway } from '../../support/gateway-server.js';

const open: ServedGateway[] = [];

afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
});

async function serve(options: ServeGatewayOptions = {}): Promise<ServedGateway> {
  const served = await serveGateway(options);
  open.push(served);
  return served;
}

const ASKED = { 'apollo-require-preflight': '1', 'aegis-explain': 'true' };
const PRODUCT = '{ product(id: "2") { name units } }';
const pathOf = (query: string, rest = '') => `/graphql?query=${encodeURIComponent(query)}${rest}`;

describe('explaining an operation', () => {
  it('tells its plan, its cost and whether the plan was there, beside the data', async () => {
    const served = await serve();
    const first = await served.post({ query: PRODUCT }, ASKED);
    expect(first.json.data).toEqual({ product: { name: 'product 2', units: 20 } });
    const { plan } = first.json.extensions;
    expect(plan).toMatchObject({ cached: false, cost: 1, json: { kind: 'QueryPlan' } });
    expect(plan.text).toMatch(/^QueryPlan \{\n {2}Sequence \{\n {4}Fetch\(service: "shop"\)/);
    const second = await served.get(pathOf(PRODUCT, '&explain'), { 'apollo-require-preflight': '1' });
    expect(second.json).toMatchObject({ data: {}, extensions: { plan: { cached: true } } });
    expect((await served.post({ query: PRODUCT })).json.extensions).toBeUndefined();
  });

  it('executes nothing when it says only', async () => {
    const served = await serve();
    const query = 'mutation { sell(id: "1") { units } }';
    const { json, status } = await served.post({ query }, { ...ASKED, 'aegis-explain': 'only' });
    expect(status).toBe(200);
    expect(Object.keys(json as object)).toEqual(['extensions']);
    expect(json.extensions.plan).toMatchObject({ cost: 11, json: { node: { kind: 'Sequence' } } });
    expect(served.inside.mutations).toBe(0);
  });

  it('answers whole what would come in parts', async () => {
    const served = await serve();
    const query = '{ product(id: "2") { id ... @defer { units } } }';
    const accept = 'multipart/mixed; deferSpec=20220824, application/json';
    const { json } = await served.post({ query }, { ...ASKED, accept });
    expect(json).toMatchObject({
      data: { product: { id: '2', units: 20 } },
      extensions: { plan: { json: { kind: 'QueryPlan' } } },
    });
  });

  it('is for administrators, and where it is switched on', async () => {
    const guest = { subject: 'guest', workspace: 'default', roles: [] as string[] } as never;
    const others = [await serve({ identify: () => guest, open: false }), await serve({ explain: false })];
    for (const served of others) {
      const { status, json } = await served.post({ query: PRODUCT }, ASKED);
      expect([status, json.errors[0].extensions.code, json.data]).toEqual([403, 'FORBIDDEN', undefined]);
    }
  });

  it('tells what is wrong with an operation that cannot be executed', async () => {
    const served = await serve();
    const query = 'query ($id: ID!) { product(id: $id) { id } }';
    const { json } = await served.post({ query }, { ...ASKED, 'aegis-explain': 'only' });
    expect(json).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });
});

import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { API_KEY, serveGateway, type ServedGateway } from '../../support/gateway-server.js';

let served: ServedGateway;

beforeAll(async () => {
  served = await serveGateway({ apiKeys: API_KEY });
});
afterAll(async () => {
  await served.close();
});

const QUERY = 'query Product { product(id: "2") { id ... @defer(label: "rest") { name units } } }';
const headers = (accept: string) => ({ authorization: `Bearer ${API_KEY}`, accept });

/** The messages of a multipart response. */
function readMessages(text: string): readonly unknown[] {
  return text
    .split(/\r?\n?---(?:--)?\r?\n?/)
    .map((part) => part.split('\r\n\r\n')[1])
    .filter((body) => body !== undefined && body.trim() !== '')
    .map((body) => JSON.parse(String(body)) as unknown);
}

describe('a response in parts over HTTP', () => {
  it('comes by path and label for who accepts deferSpec=20220824', async () => {
    const answer = await served.post({ query: QUERY }, headers('multipart/mixed; deferSpec=20220824'));
    expect(answer.headers.get('content-type')).toBe('multipart/mixed; boundary="-"; deferSpec=20220824');
    expect(readMessages(answer.text)).toEqual([
      { data: { product: { id: '2' } }, hasNext: true },
      {
        incremental: [{ data: { name: 'product 2', units: 20 }, path: ['product'], label: 'rest' }],
        hasNext: false,
      },
    ]);
  });

  it('comes by number for who accepts incrementalSpec=v0.2', async () => {
    const answer = await served.post({ query: QUERY }, headers('multipart/mixed; incrementalSpec=v0.2'));
    expect(readMessages(answer.text)).toEqual([
      {
        data: { product: { id: '2' } },
        pending: [{ id: '0', path: ['product'], label: 'rest' }],
        hasNext: true,
      },
      {
        incremental: [{ id: '0', data: { name: 'product 2', units: 20 } }],
        completed: [{ id: '0' }],
        hasNext: false,
      },
    ]);
  });

  it('comes whole for everybody else, and where nothing is left to come', async () => {
    const whole = { data: { product: { id: '2', name: 'product 2', units: 20 } } };
    for (const accept of ['application/json', 'multipart/mixed, application/json']) {
      expect((await served.post({ query: QUERY }, headers(accept))).json).toEqual(whole);
    }
    const accept = 'multipart/mixed; deferSpec=20220824, application/json';
    const off = { query: QUERY.replace('@defer(', '@defer(if: false, ') };
    expect((await served.post(off, headers(accept))).json).toEqual(whole);
  });

  it('is cut up rightly when it is compressed', async () => {
    const answer = await served.post(
      { query: QUERY },
      { ...headers('multipart/mixed; deferSpec=20220824'), 'accept-encoding': 'gzip' },
    );
    expect(readMessages(answer.text)).toHaveLength(2);
  });

  it('tells what goes wrong with the part in which it does, under its code', async () => {
    const query = '{ product(id: "0") { id ... @defer { units } } }';
    const answer = await served.post({ query }, headers('multipart/mixed; deferSpec=20220824'));
    const [first, second] = readMessages(answer.text);
    expect(first).toEqual({ data: { product: { id: '0' } }, hasNext: true });
    expect(second).toMatchObject({
      incremental: [
        {
          path: ['product'],
          errors: [{ path: ['product', 'units'], extensions: { code: expect.any(String) as unknown } }],
        },
      ],
    });
  });

  it('refuses @defer where it may not stand', async () => {
    const query = 'mutation { ... @defer { sell(id: "1") { id } } }';
    const answer = await served.post(
      { query },
      headers('multipart/mixed; deferSpec=20220824, application/json'),
    );
    expect(answer.json).toMatchObject({
      errors: [{ message: expect.stringContaining('@defer') as unknown }],
    });
    expect(answer.json).not.toHaveProperty('data');
  });
});

describe.each([
  ['deferSpec=20220824', new Defer20220824Handler()],
  ['incrementalSpec=v0.2', new GraphQL17Alpha9Handler()],
])('Apollo Client 4 with %s', (_name, incrementalHandler) => {
  it('shows what is there, and then the rest', async () => {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: new HttpLink({ uri: `${served.url}/graphql`, headers: { authorization: `Bearer ${API_KEY}` } }),
      // Its type leaves undefined out where the client itself does not.
      incrementalHandler: incrementalHandler as Defer20220824Handler,
    });
    const states: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      client.watchQuery({ query: gql(QUERY), notifyOnNetworkStatusChange: false }).subscribe({
        next({ data, dataState }) {
          if (dataState === 'empty') return;
          states.push(data);
          if (dataState === 'complete') resolve();
        },
        error: reject,
      });
    });
    expect(states.at(-1)).toMatchObject({ product: { id: '2', name: 'product 2', units: 20 } });
    client.stop();
  });
});

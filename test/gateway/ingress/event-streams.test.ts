import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { Client, fetchExchange, type OperationResult } from '@urql/core';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { API_KEY, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { openStream, type StreamReader } from '../../support/stream-reader.js';
import { openSubscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;
const readers: StreamReader[] = [];

beforeEach(async () => {
  served = await serveGateway();
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.leave();
  await served.close();
});

const SSE = 'text/event-stream';
const MULTIPART = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json';
const SOLD = 'subscription { sold { name units } }';

async function open(query: string, accept: string, headers = {}, url = served.url): Promise<StreamReader> {
  const reader = await openStream(`${url}/graphql`, {
    headers: { 'content-type': 'application/json', accept, ...headers },
    body: { query },
  });
  readers.push(reader);
  return reader;
}

const sell = (...ids: readonly string[]) => {
  for (const id of ids) served.inside.sold.push({ sold: { id } });
};

describe('a subscription over HTTP', () => {
  it.each([
    ['Server-Sent Events', SSE, 'text/event-stream; charset=utf-8', (payload: unknown) => payload],
    [
      'multipart',
      MULTIPART,
      'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
      (payload: unknown) => ({ payload }),
    ],
  ])(
    'has its events and its end told by %s, and shares the execution with WebSockets',
    async (_name, accept, type, wrap) => {
      const reader = await open(SOLD, accept);
      expect([reader.status, reader.headers['content-type']]).toEqual([200, type]);
      const other = await openSubscriber(served.webSocketUrl);
      other.subscribe({ query: SOLD });
      await served.inside.sold.untilReaders(1);
      sell('1', '0');
      const expected = [
        { data: { sold: { name: 'product 1', units: 10 } } },
        { data: { sold: { units: null } }, errors: [{ extensions: { code: 'NOT_FOUND' } }] },
      ];
      expect(await reader.untilEvents(2)).toMatchObject(expected.map(wrap));
      served.inside.sold.end();
      await reader.untilEnd();
      expect(reader.text.endsWith(accept === SSE ? 'event: complete\ndata:\n\n' : '--graphql--\r\n')).toBe(
        true,
      );
      other.socket.terminate();
    },
  );

  it.each([SSE, MULTIPART])('ends at the subgraph when the client leaves: %s', async (accept) => {
    const reader = await open(SOLD, accept);
    await served.inside.sold.untilReaders(1);
    reader.leave();
    await served.inside.sold.untilReaders(0);
  });

  it('that its subgraph refuses is told so in the stream', async () => {
    const reader = await open('subscription { refused }', SSE);
    await reader.untilEnd();
    expect(reader.events()).toMatchObject([{ errors: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    const parts = await open('subscription { refused }', MULTIPART);
    await parts.untilEnd();
    expect(parts.events()).toMatchObject([{ payload: { errors: [{ extensions: { code: 'FORBIDDEN' } }] } }]);
  });

  it('that breaks in the middle is told so behind its events, and says nothing of the reason', async () => {
    const reader = await open('subscription { breaks }', SSE);
    await reader.untilEnd();
    expect(reader.events()).toMatchObject([
      { data: { breaks: 1 } },
      { errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] },
    ]);
    const parts = await open('subscription { breaks }', MULTIPART);
    await parts.untilEnd();
    expect(parts.events()).toMatchObject([
      { payload: { data: { breaks: 1 } } },
      { payload: null, errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] },
    ]);
    expect(reader.text + parts.text).not.toContain('secret');
  });

  it('is ended with a reason when the gateway stops', async () => {
    const reader = await open(SOLD, SSE);
    await served.inside.sold.untilReaders(1);
    await served.server.close();
    await reader.untilEnd();
    expect(reader.events()).toMatchObject([
      { errors: [{ extensions: { code: 'UNAVAILABLE', reason: 'STOPPING', retryable: true } }] },
    ]);
  });
});

describe('a request that accepts Server-Sent Events', () => {
  it('may be a query, answered by one event when nothing else is accepted, and in JSON otherwise', async () => {
    const reader = await open('{ hello }', SSE);
    await reader.untilEnd();
    expect(reader.events()).toEqual([{ data: { hello: 'hello you' } }]);
    const plain = await open('{ hello }', `application/json, ${SSE}`);
    expect(plain.headers['content-type']).toMatch(/^application\/json/);
  });

  it('may be sent by GET, by who could not be made to by a foreign page', async () => {
    const url = `${served.url}/graphql?${new URLSearchParams({ query: SOLD }).toString()}`;
    const headers = { accept: SSE };
    const refused = await openStream(url, { method: 'GET', headers });
    expect(refused.status).toBe(400);
    const reader = await openStream(url, {
      method: 'GET',
      headers: { ...headers, 'apollo-require-preflight': '1' },
    });
    readers.push(reader);
    await served.inside.sold.untilReaders(1);
    sell('2');
    expect(await reader.untilEvents(1)).toEqual([{ data: { sold: { name: 'product 2', units: 20 } } }]);
  });

  it('never executes a mutation by GET', async () => {
    const query = 'mutation { sell(id: "1") { id } }';
    const url = `${served.url}/graphql?${new URLSearchParams({ query }).toString()}`;
    const refused = await openStream(url, {
      method: 'GET',
      headers: { accept: SSE, 'apollo-require-preflight': '1' },
    });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'POST']);
    await refused.untilEnd();
    expect(JSON.parse(refused.text)).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(served.inside.mutations).toBe(0);
  });

  it('is told in the stream what is wrong with its document', async () => {
    const reader = await open('subscription { nothing }', SSE);
    await reader.untilEnd();
    expect(reader.events()).toMatchObject([
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED', traceId: expect.any(String) } }] },
    ]);
  });

  it('is not let in without a key, nor from a page of another origin', async () => {
    const own = await serveGateway({ apiKeys: API_KEY });
    expect((await open(SOLD, SSE, {}, own.url)).status).toBe(401);
    const letIn = await open(SOLD, SSE, { authorization: `Bearer ${API_KEY}` }, own.url);
    expect(letIn.status).toBe(200);
    letIn.leave();
    await own.close();
    expect((await open(SOLD, SSE, { origin: 'https://evil.example' })).status).toBe(403);
    const page = await open(SOLD, SSE, { origin: 'http://localhost:3000' });
    expect(page.headers['access-control-allow-origin']).toBe('http://localhost:3000');
  });

  it('may come from Apollo Client, by multipart', async () => {
    const client = new ApolloClient({
      link: new HttpLink({ uri: `${served.url}/graphql` }),
      cache: new InMemoryCache(),
    });
    const results: unknown[] = [];
    const running = client
      .subscribe({ query: gql(SOLD) })
      .subscribe({ next: ({ data }) => results.push(data) });
    await served.inside.sold.untilReaders(1);
    sell('1', '2');
    await waitFor('both came', () => results.length === 2);
    expect(results).toMatchObject([
      { sold: { name: 'product 1', units: 10 } },
      { sold: { name: 'product 2', units: 20 } },
    ]);
    running.unsubscribe();
    await served.inside.sold.untilReaders(0);
    client.stop();
  });

  it('may come from urql', async () => {
    const client = new Client({
      url: `${served.url}/graphql`,
      exchanges: [fetchExchange],
      fetchSubscriptions: true,
      preferGetMethod: false,
    });
    const results: OperationResult[] = [];
    const { unsubscribe } = client.subscription(SOLD, {}).subscribe((result) => results.push(result));
    await served.inside.sold.untilReaders(1);
    sell('1', '2');
    await waitFor('both came', () => results.length === 2);
    expect(results.map(({ data }) => data as unknown)).toMatchObject([
      { sold: { name: 'product 1' } },
      { sold: { name: 'product 2' } },
    ]);
    unsubscribe();
    await served.inside.sold.untilReaders(0);
  });
});

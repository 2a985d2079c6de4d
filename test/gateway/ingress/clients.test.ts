import { createHash } from 'node:crypto';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange, subscriptionExchange, type ExecutionResult as UrqlResult } from '@urql/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient as createStreamClient } from 'graphql-sse';
import WebSocket from 'ws';
import { createApolloClient } from '../../end-to-end/clients/apollo-client.js';
import { createUrqlClient } from '../../end-to-end/clients/urql-client.js';
import { API_KEY, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;

beforeAll(async () => {
  // Browsers and Node from 22 on have one.
  Object.assign(globalThis, { WebSocket });
  served = await serveGateway({ apiKeys: API_KEY });
});
afterAll(async () => {
  await served.close();
});

const QUERY = 'query Product($id: ID!) { product(id: $id) { id name units } }';
const MUTATION = 'mutation Sell($id: ID!) { sell(id: $id) { id units } }';
const SUBSCRIPTION = 'subscription Sold { sold { id name units } }';
const EVENTS = [1, 2].map((id) => ({ id: String(id), name: `product ${id}`, units: id * 10 }));

/** Sells to whoever subscribes now. */
async function sell(readers: number): Promise<void> {
  await served.inside.sold.untilReaders(readers);
  for (const { id } of EVENTS) served.inside.sold.push({ sold: { id } });
}

describe('Apollo Client 4', () => {
  it('queries, changes and subscribes', async () => {
    const client = createApolloClient(`${served.url}/graphql`, API_KEY);
    const { data } = await client.query({ query: gql(QUERY), variables: { id: '2' } });
    expect(data).toMatchObject({ product: { name: 'product 2', units: 20 } });
    const changed = await client.mutate({ mutation: gql(MUTATION), variables: { id: '3' } });
    expect(changed.data).toMatchObject({ sell: { units: 30 } });
    const seen: unknown[] = [];
    const received = new Promise<void>((resolve, reject) => {
      const subscription = client.subscribe({ query: gql(SUBSCRIPTION) }).subscribe({
        next(event) {
          seen.push((event.data as { sold: unknown }).sold);
          if (seen.length < EVENTS.length) return;
          subscription.unsubscribe();
          resolve();
        },
        error: reject,
      });
    });
    await sell(1);
    await received;
    expect(seen).toMatchObject(EVENTS);
    await served.inside.sold.untilReaders(0);
    client.stop();
  });

  it('asks by the hash of its query, once the gateway knows that', async () => {
    const sent: string[] = [];
    const http = new HttpLink({
      uri: `${served.url}/graphql`,
      headers: { authorization: `Bearer ${API_KEY}` },
      fetch: (url, options) => {
        if (typeof options?.body === 'string') sent.push(options.body);
        return fetch(url, options);
      },
    });
    const hashes = new PersistedQueryLink({
      sha256: (text) => createHash('sha256').update(text).digest('hex'),
    });
    const client = new ApolloClient({ cache: new InMemoryCache(), link: hashes.concat(http) });
    for (const id of ['4', '5']) {
      const { data } = await client.query({ query: gql(QUERY), variables: { id } });
      expect(data).toMatchObject({ product: { name: `product ${id}`, units: Number(id) * 10 } });
    }
    const texts = sent.map((body) => 'query' in (JSON.parse(body) as object));
    expect(texts).toEqual([false, true, false]);
    client.stop();
  });

  it('gets what is there beside an error, and the error’s code', async () => {
    const client = createApolloClient(`${served.url}/graphql`, API_KEY);
    const { data, error } = await client.query({
      query: gql(QUERY),
      variables: { id: '0' },
      errorPolicy: 'all',
    });
    expect(data).toMatchObject({ product: { name: 'product 0', units: null } });
    expect(error).toMatchObject({
      errors: [{ path: ['product', 'units'], extensions: { code: 'NOT_FOUND' } }],
    });
    const stranger = createApolloClient(`${served.url}/graphql`, 'another-key-of-twenty-four');
    await expect(stranger.query({ query: gql(QUERY), variables: { id: '2' } })).rejects.toMatchObject({
      statusCode: 401,
    });
  });
});

describe('urql', () => {
  it('queries, changes and subscribes', async () => {
    const client = createUrqlClient(`${served.url}/graphql`, API_KEY);
    const { data } = await client.query(QUERY, { id: '2' }).toPromise();
    expect(data).toMatchObject({ product: { name: 'product 2', units: 20 } });
    const changed = await client.mutation(MUTATION, { id: '3' }).toPromise();
    expect(changed.data).toMatchObject({ sell: { units: 30 } });
    const seen: unknown[] = [];
    const received = new Promise<void>((resolve) => {
      const { unsubscribe } = client.subscription(SUBSCRIPTION, {}).subscribe((event) => {
        seen.push((event.data as { sold: unknown }).sold);
        if (seen.length < EVENTS.length) return;
        unsubscribe();
        resolve();
      });
    });
    await sell(1);
    await received;
    expect(seen).toMatchObject(EVENTS);
    await served.inside.sold.untilReaders(0);
  });

  it('subscribes by Server-Sent Events, through the client of graphql-sse', async () => {
    const streams = createStreamClient({
      url: `${served.url}/graphql`,
      headers: { authorization: `Bearer ${API_KEY}` },
      retryAttempts: 0,
    });
    const subscriptions = subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: streams.subscribe(
            { query, ...(variables ? { variables } : {}) },
            { ...sink, next: (result) => sink.next(result as UrqlResult) },
          ),
        }),
      }),
    });
    const client = new Client({
      url: `${served.url}/graphql`,
      preferGetMethod: false,
      exchanges: [subscriptions],
    });
    const seen: unknown[] = [];
    const { unsubscribe } = client.subscription(SUBSCRIPTION, {}).subscribe((event) => {
      seen.push((event.data as { sold: unknown }).sold);
    });
    await sell(1);
    await waitFor('both came', () => seen.length === EVENTS.length);
    expect(seen).toMatchObject(EVENTS);
    unsubscribe();
    await served.inside.sold.untilReaders(0);
    streams.dispose();
  });

  it('gets what is there beside an error, and the error’s code', async () => {
    const client = createUrqlClient(`${served.url}/graphql`, API_KEY);
    const { data, error } = await client.query(QUERY, { id: '0' }).toPromise();
    expect(data).toMatchObject({ product: { name: 'product 0', units: null } });
    expect(error?.graphQLErrors).toMatchObject([
      { path: ['product', 'units'], extensions: { code: 'NOT_FOUND' } },
    ]);
  });

  it('gets all at once of a query with @defer, for it does not say which form of parts it takes', async () => {
    const accepted: unknown[] = [];
    const client = new Client({
      url: `${served.url}/graphql`,
      fetchOptions: { headers: { authorization: `Bearer ${API_KEY}` } },
      preferGetMethod: false,
      exchanges: [fetchExchange],
      fetch: async (url, options) => {
        const response = await fetch(url, options);
        accepted.push([new Headers(options?.headers).get('accept'), response.headers.get('content-type')]);
        return response;
      },
    });
    const query = '{ product(id: "2") { id ... @defer(label: "rest") { name units } } }';
    const states: unknown[] = [];
    await new Promise<void>((resolve) => {
      client.query(query, {}).subscribe(({ data, error, hasNext }) => {
        states.push({ data: data as unknown, error, hasNext });
        if (!hasNext) resolve();
      });
    });
    expect(accepted).toEqual([
      [expect.stringContaining('multipart/mixed'), expect.stringContaining('application/')],
    ]);
    expect(states).toMatchObject([
      { data: { product: { id: '2', name: 'product 2', units: 20 } }, error: undefined, hasNext: false },
    ]);
  });
});

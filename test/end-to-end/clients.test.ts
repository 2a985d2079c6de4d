import { readFile } from 'node:fs/promises';
import { gql, type ApolloClient } from '@apollo/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { startOneProcess, type AegisSystem } from '../support/aegis-system.js';
import { listCodeBlocks } from '../support/code-blocks.js';
import { openCuttingProxy } from '../support/cutting-proxy.js';
import { createGraphClient } from '../support/graph-client.js';
import { waitForProbe } from '../support/probe-ready.js';
import { connectDevice, publishTelemetry } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';
import { createApolloClient } from './clients/apollo-client.js';
import { followReadings, type ReadingEvent } from './clients/follow-readings.js';
import { createUrqlClient } from './clients/urql-client.js';

const fromHere = (path: string) => new URL(path, import.meta.url);
const readme = await readFile(fromHere('../../README.md'), 'utf8');

const API_KEY = 'a-key-for-tests-that-is-long-enough';

const QUERY = 'query Names { devices(filter: { name: "host" }) { edges { node { name } } } }';
const QUERIED = { devices: { edges: [{ node: { name: 'host' } }] } };
const REGISTER = `mutation Register($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { name } userErrors { message } }
}`;
const REFUSED = {
  registerDevice: {
    device: null,
    userErrors: [{ message: 'Expected 1 to 256 metrics, those of the profile included, got 0.' }],
  },
};
const SUBSCRIPTION = 'subscription Live { consciousnessMetrics { sample { nodes { device { name } } } } }';

interface LiveEvent {
  readonly consciousnessMetrics: {
    readonly sample: { readonly nodes: readonly { readonly device: { readonly name: string } | null }[] };
  };
}

/** The places where an answer is not of the shape of one that is shown; null may stand for any shape. */
function listDifferences(shown: unknown, given: unknown, path = 'data'): readonly string[] {
  if (shown === null || (given === null && typeof shown !== 'object')) return [];
  if (typeof shown !== 'object') return typeof given === typeof shown ? [] : [path];
  if (typeof given !== 'object' || given === null || Array.isArray(given) !== Array.isArray(shown))
    return [path];
  const fields = Object.entries(given);
  const wanted = Object.entries(shown);
  // A list is shown shortened: what it holds is told by its first entry.
  const compared = Array.isArray(shown) ? wanted.slice(0, 1) : wanted;
  const names = new Map<string, unknown>(fields);
  return compared.flatMap(([name, value]) => listDifferences(value, names.get(name), `${path}.${name}`));
}

/** The first answer to an operation. */
async function ask(system: AegisSystem, text: string): Promise<unknown> {
  const graph = createGraphClient(system);
  if (!text.startsWith('subscription')) return graph.query<unknown>(text);
  for await (const event of graph.subscribe<unknown>(text)) return event;
  return undefined;
}

describe('The clients of the README', () => {
  let system: AegisSystem;
  let url: string;

  beforeAll(async () => {
    // Browsers and Node from 22 on have one.
    Object.assign(globalThis, { WebSocket });
    system = {
      ...(await startOneProcess({ probe: true, env: { AEGIS_API_KEYS: API_KEY } })),
      apiKey: API_KEY,
    };
    url = `${system.url}/graphql`;
    await waitForProbe(system);
  }, 60_000);

  afterAll(async () => {
    await system.close();
  }, 30_000);

  it.each(['apollo-client', 'urql-client', 'follow-readings'])(
    'are printed there as they are here: %s',
    async (name) => {
      const code = await readFile(fromHere(`./clients/${name}.ts`), 'utf8');
      expect(listCodeBlocks(readme)).toContainEqual({ language: 'ts', text: code });
    },
  );

  describe('Apollo Client', () => {
    let client: ApolloClient;
    beforeAll(() => {
      client = createApolloClient(url, API_KEY);
    });
    afterAll(() => {
      client.stop();
    });

    it('queries', async () => {
      const { data } = await client.query({ query: gql(QUERY) });
      expect(data).toMatchObject(QUERIED);
    });

    it('mutates', async () => {
      const { data } = await client.mutate({
        mutation: gql(REGISTER),
        variables: { input: { name: 'empty', metrics: [] } },
      });
      expect(data).toMatchObject(REFUSED);
    });

    it('subscribes', async () => {
      const events: unknown[] = [];
      const subscription = client.subscribe<LiveEvent>({ query: gql(SUBSCRIPTION) }).subscribe({
        next: ({ data }) => events.push(data?.consciousnessMetrics.sample.nodes[0]?.device?.name),
        error: (error: unknown) => events.push(error),
      });
      await waitFor('two events have come', () => events.length >= 2);
      subscription.unsubscribe();
      expect(events.slice(0, 2)).toEqual(['host', 'host']);
    });
  });

  describe('urql', () => {
    const open = () => createUrqlClient(url, API_KEY);

    it('queries', async () => {
      const { data, error } = await open().query<unknown>(QUERY, {}).toPromise();
      expect(error).toBeUndefined();
      expect(data).toMatchObject(QUERIED);
    });

    it('mutates', async () => {
      const input = { name: 'empty', metrics: [] };
      const { data, error } = await open().mutation<unknown>(REGISTER, { input }).toPromise();
      expect(error).toBeUndefined();
      expect(data).toMatchObject(REFUSED);
    });

    it('subscribes', async () => {
      const events: unknown[] = [];
      const { unsubscribe } = open()
        .subscription<LiveEvent>(SUBSCRIPTION, {})
        .subscribe(({ data, error }) => {
          events.push(error ?? data?.consciousnessMetrics.sample.nodes[0]?.device?.name);
        });
      await waitFor('two events have come', () => events.length >= 2);
      unsubscribe();
      expect(events.slice(0, 2)).toEqual(['host', 'host']);
    });
  });

  describe('the dashboard', () => {
    it('sees each reading once and in order, through connections that are lost', async () => {
      const graph = createGraphClient(system);
      const input = { name: 'pump', metrics: [{ name: 'value', unit: '1' }] };
      await graph.query(REGISTER, { input });
      const broker = await connectDevice(system);
      const proxy = await openCuttingProxy(url);
      const values: number[] = [];
      const errors: unknown[] = [];
      const gaps: ReadingEvent[] = [];
      const stop = followReadings({
        url: proxy.url,
        apiKey: API_KEY,
        onEvent(event) {
          if (event.gap) gaps.push(event);
          if (event.reading.device?.name === 'pump') values.push(event.reading.value);
        },
        onError: (error) => errors.push(error),
      });
      const load = publishTelemetry({
        client: broker,
        device: 'pump',
        metric: 'value',
        ratePerSecond: 100,
        firstAt: Date.now() - 60_000,
      });
      for (const wanted of [100, 250]) {
        await waitFor(`${wanted} readings have come`, () => values.length >= wanted);
        proxy.cut();
      }
      await waitFor('the second connection was made good', () => values.length >= 400);
      await load.finish();
      const last = load.sent() - 1;
      await waitFor('the last reading has come', () => values.at(-1) === last);
      stop();
      await Promise.all([proxy.close(), broker.endAsync()]);
      const [first = 0] = values;
      expect(values).toEqual(Array.from({ length: last + 1 - first }, (_, index) => first + index));
      expect([errors, gaps]).toEqual([[], []]);
    });
  });

  describe('what there is to paste', () => {
    const blocks = listCodeBlocks(readme);
    const pairs = blocks.flatMap(({ language, text }, index) => {
      const answer = blocks[index + 1];
      const [kind = ''] = text.split(' ', 1);
      return language === 'graphql' && answer?.language === 'json'
        ? [{ kind, text, answer: answer.text }]
        : [];
    });

    it('is a query, a mutation and a subscription', () => {
      expect(pairs.map(({ kind }) => kind)).toEqual(['query', 'mutation', 'subscription']);
    });

    it.each(pairs)('is answered as the README shows: the $kind', async ({ text, answer }) => {
      const { data } = JSON.parse(answer) as { readonly data: unknown };
      const given = await ask(system, text);
      expect(listDifferences(data, given)).toEqual([]);
    });
  });
});

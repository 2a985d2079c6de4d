import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CacheStore } from '../../../gateway/caching/cache-store.js';
import { createMemoryStore } from '../../../gateway/caching/memory-store.js';
import { serveApolloSubgraph, type ApolloSubgraph } from '../../support/apollo-subgraph.js';
import {
  openCachingGateway,
  type Asked,
  type CachingGateway,
  type CachingGatewayOptions,
} from '../../support/caching-gateway.js';
import { waitFor } from '../../support/wait-for.js';

let note = 'old';
let shop: ApolloSubgraph;
let parts: CachingGateway | undefined;

beforeEach(async () => {
  note = 'old';
  shop = await serveApolloSubgraph('shop', {
    typeDefs: 'type Query { note: String @cacheControl(maxAge: 60) }',
    resolvers: { Query: { note: () => note } },
  });
});
afterEach(async () => {
  await parts?.close();
  await shop.close();
});

function open(options: CachingGatewayOptions = {}): CachingGateway {
  parts = openCachingGateway([shop], options);
  return parts;
}

/** Holds back what shop answers to the first one who asks, and with it what it knew then. */
function holdFirst(): () => void {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  shop.fault = (_request, response) => {
    const text = JSON.stringify({ data: { note } });
    const answer = () => {
      response
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=60, public' })
        .end(text);
    };
    if (shop.requests.length > 1) answer();
    else void released.then(answer);
  };
  return release;
}

async function ask({ run }: CachingGateway, asked: Asked = {}): Promise<unknown> {
  const { data } = await run('{ note }', asked);
  // What is written is a text already.
  return JSON.parse(JSON.stringify(data)) as unknown;
}

async function looked({ metrics }: CachingGateway, subgraph: string): Promise<number> {
  const metric = await metrics.getSingleMetric('aegis_gateway_cache_lookups_total')?.get();
  const own = metric?.values.filter(({ labels }) => labels['subgraph'] === subgraph) ?? [];
  return own.reduce((sum, { value }) => sum + value, 0);
}

/** A store whose removals take their time, as over a network, and find nothing in the end. */
function removeSlowly(clock: { readonly now: number }, removing: Promise<void>): CacheStore {
  const store = createMemoryStore({ maxBytes: 1_000_000, now: () => clock.now });
  return { ...store, removeLabelled: () => removing.then(() => 0) };
}

describe('a query that comes after an invalidation', () => {
  it.each([
    ['of who asked the same before it', 'anna'],
    ['of another one', 'bert'],
  ])('gets nothing that was asked for before it: %s', async (_who, subject) => {
    const release = holdFirst();
    const gateway = open();
    const before = ask(gateway, { subject: 'anna' });
    await waitFor('shop is asked', () => shop.requests.length === 1);
    note = 'new';
    await gateway.caching.invalidation.invalidate({ kind: 'type', type: 'Query' });
    const after = ask(gateway, { subject });
    await waitFor('it has looked', async () => (await looked(gateway, 'shop')) === 2);
    release();
    expect(await before).toEqual({ note: 'old' });
    expect(await after).toEqual({ note: 'new' });
    expect(await ask(gateway)).toEqual({ note: 'new' });
    expect(shop.requests).toHaveLength(2);
  });

  it('is not executed together with one that came before it', async () => {
    const release = holdFirst();
    const gateway = open({ coalesceQueries: true });
    const before = ask(gateway, { written: true });
    await waitFor('shop is asked', () => shop.requests.length === 1);
    note = 'new';
    await gateway.caching.invalidation.invalidate({ kind: 'type', type: 'Query' });
    const after = ask(gateway, { written: true });
    // By then it has asked, or waits for the other one.
    await gateway.run('{ __typename }');
    release();
    expect(await before).toEqual({ note: 'old' });
    expect(await after).toEqual({ note: 'new' });
  });
});

describe('an invalidation that is under way', () => {
  it('has nothing kept that was made of what it had not removed yet', async () => {
    let remove: () => void = () => undefined;
    const removing = new Promise<void>((resolve) => {
      remove = resolve;
    });
    const gateway = open({
      responseMaxAgeMs: 60_000,
      openStore: (clock) => removeSlowly(clock, removing),
    });
    await ask(gateway);
    const ages: number[] = [];
    const onAge = ({ maxAgeMs }: { maxAgeMs: number }) => ages.push(maxAgeMs);
    const invalidating = gateway.caching.invalidation.invalidate({ kind: 'type', type: 'Query' });
    await gateway.run('query Meanwhile { note }', { onAge });
    expect(ages).toEqual([]);
    remove();
    await invalidating;
    await gateway.run('query Afterwards { note }', { onAge });
    expect(ages).toEqual([60_000]);
  });
});

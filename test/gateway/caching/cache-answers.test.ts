import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CacheSelector } from '../../../gateway/caching/labels.js';
import type { Asked, CachingGateway } from '../../support/caching-gateway.js';
import { openCachingGateway } from '../../support/caching-gateway.js';
import { serveApolloSubgraph, type ApolloSubgraph } from '../../support/apollo-subgraph.js';
import type { TestSubgraph } from '../../support/test-gateway.js';
import { waitFor } from '../../support/wait-for.js';

/** What the subgraphs know; the tests change it. */
const facts = { units: 7, broken: new Set<string>(), note: 'fine' };

const shop: TestSubgraph = {
  typeDefs: `
    type Query {
      products(ids: [ID!]!): [Product] @cacheControl(maxAge: 10, inheritMaxAge: false)
      fresh: Int
      mine: String @cacheControl(maxAge: 60, scope: PRIVATE)
      note: String @cacheControl(maxAge: 60)
    }
    type Mutation { note: String }
    type Product @key(fields: "id") @cacheControl(maxAge: 10) { id: ID! }`,
  resolvers: {
    Query: {
      products: (_parent: unknown, { ids }: { ids: string[] }) => ids.map((id) => ({ id })),
      fresh: () => 1,
      mine: () => 'mine',
      note: () => facts.note,
    },
    Mutation: { note: () => facts.note },
  },
};
const stock: TestSubgraph = {
  typeDefs: `
    type Product @key(fields: "id") @cacheControl(maxAge: 60) {
      id: ID!
      units: Int
      reserved: Int @cacheControl(scope: PRIVATE)
    }`,
  resolvers: {
    Product: {
      __resolveReference: ({ id }: { id: string }) => (id === 'none' ? null : { id }),
      units: ({ id }: { id: string }) => {
        if (facts.broken.has(id)) throw new Error(`${id} is being counted`);
        return facts.units;
      },
      reserved: () => 3,
    },
  },
};

let remote: { readonly shop: ApolloSubgraph; readonly stock: ApolloSubgraph };
let parts: CachingGateway;

beforeEach(async () => {
  Object.assign(facts, { units: 7, broken: new Set<string>(), note: 'fine' });
  remote = {
    shop: await serveApolloSubgraph('shop', shop),
    stock: await serveApolloSubgraph('stock', stock),
  };
  parts = openCachingGateway([remote.shop, remote.stock]);
});
afterEach(async () => {
  await parts.close();
  await Promise.all([remote.shop.close(), remote.stock.close()]);
});

const PRODUCTS = 'query ($ids: [ID!]!) { products(ids: $ids) { id units } }';

function products(ids: readonly string[], asked: Asked = {}) {
  return parts.run(PRODUCTS, { ...asked, variables: { ids } });
}

/** The products that stock was asked for, a list for each request. */
function askedOfStock(): (string | undefined)[][] {
  return remote.stock.requests.map(({ variables }) => (variables.representations ?? []).map(({ id }) => id));
}

describe('entities', () => {
  it('are kept one by one, and put together in order', async () => {
    await products(['1', '2']);
    facts.units = 8;
    expect(await products(['3', '2', 'none', '1'])).toEqual({
      data: {
        products: [
          { id: '3', units: 8 },
          { id: '2', units: 7 },
          { id: 'none', units: null },
          { id: '1', units: 7 },
        ],
      },
    });
    expect(askedOfStock()).toEqual([
      ['1', '2'],
      ['3', 'none'],
    ]);
    await products(['none']);
    expect(askedOfStock()).toHaveLength(2);
  });

  it('are kept as long as the subgraph says, and no longer than the settings', async () => {
    await products(['1']);
    parts.clock.now += 59_000;
    await products(['1']);
    expect(askedOfStock()).toHaveLength(1);
    parts.clock.now += 1_001;
    facts.units = 9;
    expect(await products(['1'])).toMatchObject({ data: { products: [{ units: 9 }] } });

    const capped = openCachingGateway([remote.shop, remote.stock], { maxAgeMsOf: () => 5_000 });
    await capped.run(PRODUCTS, { variables: { ids: ['1'] } });
    capped.clock.now += 5_001;
    await capped.run(PRODUCTS, { variables: { ids: ['1'] } });
    expect(askedOfStock()).toHaveLength(4);
    await capped.close();
  });

  it('are had by what is selected of them, whatever a client calls it', async () => {
    await products(['1']);
    const asked = { variables: { ids: ['1'] } };
    const renamed = await parts.run(
      'query ($ids: [ID!]!) { all: products(ids: $ids) { id count: units } }',
      asked,
    );
    expect(renamed).toEqual({ data: { all: [{ id: '1', count: 7 }] } });
    expect(askedOfStock()).toEqual([['1']]);
    await parts.run('query ($ids: [ID!]!) { products(ids: $ids) { units reserved } }', asked);
    expect(askedOfStock()).toEqual([['1'], ['1']]);
  });

  it('with errors are not kept, and errors stay with their entity', async () => {
    await products(['1']);
    facts.broken.add('3');
    const answer = await products(['2', '1', '3']);
    expect(answer.errors).toEqual([expect.objectContaining({ path: ['products', 2, 'units'] })]);
    expect(answer.data?.['products']).toEqual([
      { id: '2', units: 7 },
      { id: '1', units: 7 },
      { id: '3', units: null },
    ]);
    facts.broken.clear();
    expect(await products(['3'])).toMatchObject({ data: { products: [{ units: 7 }] } });
  });

  it('that many miss at one time are asked for once', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    remote.stock.gate = () => opened;
    const asking = Array.from({ length: 40 }, (_one, number) => products([String(number % 3), '7']));
    await waitFor('stock is asked for the four', () => new Set(askedOfStock().flat()).size === 4);
    open();
    const answers = await Promise.all(asking);
    expect(answers.every(({ errors }) => errors === undefined)).toBe(true);
    expect(askedOfStock().flat().sort()).toEqual(['0', '1', '2', '7']);
  });

  it('are had by those who wait though who asked first has left', async () => {
    let open: () => void = () => undefined;
    remote.stock.gate = () =>
      new Promise<void>((resolve) => {
        open = resolve;
      });
    const first = new AbortController();
    const leaving = products(['1'], { signal: first.signal });
    await waitFor('stock is asked', () => askedOfStock().length === 1);
    const staying = products(['1']);
    await waitFor('the other one waits', async () => (await lookups('stock')).joined === 1);
    first.abort();
    await leaving;
    await waitFor('stock is asked again', () => askedOfStock().length === 2);
    open();
    expect(await staying).toMatchObject({ data: { products: [{ units: 7 }] } });
  });

  it('that are kept are there while the subgraph is not, and the others fail alone', async () => {
    await products(['1']);
    remote.stock.fault = (request) => request.socket.destroy();
    const answer = await products(['1', '2']);
    expect(answer.data?.['products']).toEqual([
      { id: '1', units: 7 },
      { id: '2', units: null },
    ]);
    expect(answer.errors).toEqual([
      expect.objectContaining({
        path: ['products', 1, 'units'],
        extensions: expect.objectContaining({ code: 'UPSTREAM_FAILED' }),
      }),
    ]);
  });
});

async function lookups(subgraph: string): Promise<Record<string, number>> {
  const metric = await parts.metrics.getSingleMetric('aegis_gateway_cache_lookups_total')?.get();
  const values = metric?.values.filter(({ labels }) => labels['subgraph'] === subgraph) ?? [];
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels['outcome']), value]));
}

describe('root fields', () => {
  it('are kept as a whole, by their variables', async () => {
    const asked = (ids: string[]) => ({ variables: { ids } });
    const text = 'query ($ids: [ID!]!) { products(ids: $ids) { id } }';
    await parts.run(text, asked(['1']));
    await parts.run(text, asked(['1']));
    await parts.run(text, asked(['2']));
    expect(remote.shop.requests).toHaveLength(2);
    expect(await lookups('shop')).toEqual({ miss: 2, hit: 1 });
  });

  it('are not kept where one of them may not be, nor are mutations', async () => {
    await parts.run('{ note }');
    await parts.run('{ note }');
    expect(remote.shop.requests).toHaveLength(1);
    for (let number = 0; number < 2; number += 1) {
      await parts.run('{ note fresh }');
      await parts.run('mutation { note }');
    }
    expect(remote.shop.requests).toHaveLength(5);
  });
});

describe('what is private', () => {
  it('is kept for who asked alone, with the headers that are forwarded', async () => {
    const anna = { subject: 'anna' };
    const calls: Asked[] = [
      anna,
      anna,
      { subject: 'bert' },
      { ...anna, headers: { 'x-tenant': 'a' } },
      { ...anna, headers: { 'x-tenant': 'a' } },
      { ...anna, headers: { 'x-tenant': 'b' } },
    ];
    for (const asked of calls) expect(await parts.run('{ mine }', asked)).toEqual({ data: { mine: 'mine' } });
    expect(remote.shop.requests).toHaveLength(4);
  });

  it('is not kept for those whom nothing tells apart', async () => {
    await parts.run('{ mine }', { subject: 'anybody' });
    await parts.run('{ mine }', { subject: 'anybody' });
    expect(remote.shop.requests).toHaveLength(2);
    const known = { subject: 'anybody', headers: { authorization: 'Bearer a' } };
    await parts.run('{ mine }', known);
    await parts.run('{ mine }', known);
    expect(remote.shop.requests).toHaveLength(3);
  });

  it('is one thing, and what is public another: that is for all of a workspace', async () => {
    await parts.run('{ note }', { subject: 'anna' });
    await parts.run('{ note }', { subject: 'bert' });
    await parts.run('{ note }', { subject: 'anna', workspace: 'other' });
    expect(remote.shop.requests).toHaveLength(2);
    await products(['1'], { subject: 'anna' });
    await products(['1'], { subject: 'bert' });
    expect(askedOfStock()).toHaveLength(1);
  });

  it('is asked for by each, and not waited for', async () => {
    const anna = { subject: 'anna', headers: { authorization: 'anna' } };
    const bert = { subject: 'bert', headers: { authorization: 'bert' } };
    remote.shop.fault = ({ headers: { authorization } }, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=60, private' })
        .end(JSON.stringify({ data: { mine: authorization } }));
    };
    const both = () => Promise.all([parts.run('{ mine }', anna), parts.run('{ mine }', bert)]);
    expect(await both()).toEqual([{ data: { mine: 'anna' } }, { data: { mine: 'bert' } }]);
    expect(await both()).toEqual([{ data: { mine: 'anna' } }, { data: { mine: 'bert' } }]);
    expect(remote.shop.requests).toHaveLength(2);
  });
});

describe('what varies with a header', () => {
  const GERMAN = { headers: { 'accept-language': 'de' } };

  /** Has shop answer with what it got of a header, and say some more. */
  function vary(header: string, said: Record<string, string>): void {
    remote.shop.fault = ({ headers }, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json', ...said })
        .end(JSON.stringify({ data: { note: headers[header] ?? 'none' } }));
    };
  }

  async function note(asked: Asked): Promise<unknown> {
    return (await parts.run('{ note }', asked)).data?.['note'];
  }

  it.each([
    ['without it first', [{}, GERMAN, {}, GERMAN], ['none', 'de', 'none', 'de']],
    ['with it first', [GERMAN, {}, GERMAN, {}], ['de', 'none', 'de', 'none']],
  ])('is for those who send the same, asked %s', async (_order, asked, expected) => {
    vary('accept-language', { 'cache-control': 'max-age=60, public', vary: 'Accept-Language' });
    const notes: unknown[] = [];
    for (const one of asked) notes.push(await note(one));
    expect(notes).toEqual(expected);
    expect(remote.shop.requests).toHaveLength(2);
  });

  it('is not kept for those whom nothing tells apart', async () => {
    vary('accept-language', { 'cache-control': 'max-age=60', vary: 'accept-language' });
    const anybody = { subject: 'anybody' };
    expect(await note(anybody)).toBe('none');
    expect(await note({ ...anybody, ...GERMAN })).toBe('de');
    expect(await note(anybody)).toBe('none');
    expect(remote.shop.requests).toHaveLength(3);
  });

  it('says by itself who asks: an answer to a request without it is not for those who send it', async () => {
    vary('authorization', { 'cache-control': 'max-age=60' });
    expect(await note({ subject: 'anybody' })).toBe('none');
    expect(await note({ subject: 'anybody', headers: { authorization: 'Bearer a' } })).toBe('Bearer a');
  });
});

describe('stale answers', () => {
  /** Has shop answer as a server that allows it. */
  function allow(cacheControl: string, note: string): void {
    remote.shop.fault = (_request, response) => {
      response
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': cacheControl })
        .end(JSON.stringify({ data: { note } }));
    };
  }

  it('are given out while the subgraph fails, as long as it allows', async () => {
    allow('max-age=10, public, stale-if-error=60', 'old');
    await parts.run('{ note }');
    remote.shop.fault = (request) => request.socket.destroy();
    parts.clock.now += 11_000;
    expect(await parts.run('{ note }')).toEqual({ data: { note: 'old' } });
    parts.clock.now += 60_000;
    expect(await parts.run('{ note }')).toMatchObject({ data: { note: null }, errors: [{ path: ['note'] }] });
  });

  it('are given out while a new one is fetched, as long as it allows', async () => {
    allow('max-age=10, public, stale-while-revalidate=60', 'old');
    await parts.run('{ note }');
    allow('max-age=10, public, stale-while-revalidate=60', 'new');
    parts.clock.now += 11_000;
    expect(await parts.run('{ note }')).toEqual({ data: { note: 'old' } });
    await waitFor('the new one is there', async () => {
      const answer = await parts.run('{ note }');
      return answer.data?.['note'] === 'new';
    });
    expect(remote.shop.requests).toHaveLength(2);
  });
});

describe('an invalidation', () => {
  const invalidate = (selector: CacheSelector) => parts.caching.invalidation.invalidate(selector);

  beforeEach(async () => {
    remote.stock.extensions = { apolloEntityCacheTags: [['cheap'], ['cheap', 'red'], []] };
    remote.shop.extensions = { apolloCacheTags: ['lists'] };
    await products(['1', '2', '3']);
  });

  it.each([
    ['a type', { kind: 'type', type: 'Product' }, 3, ['1', '2', '3']],
    ['a type of another subgraph', { kind: 'type', type: 'Product', subgraph: 'shop' }, 0, []],
    ['a key', { kind: 'key', type: 'Product', key: { id: '2' } }, 1, ['2']],
    ['a key that was written as a number', { kind: 'key', type: 'Product', key: { id: 2 } }, 1, ['2']],
    ['a key that nothing has', { kind: 'key', type: 'Product', key: { id: '4' } }, 0, []],
    ['a tag', { kind: 'tag', tag: 'cheap' }, 2, ['1', '2']],
    ['a tag of one subgraph', { kind: 'tag', tag: 'red', subgraph: 'stock' }, 1, ['2']],
    ['a subgraph', { kind: 'subgraph', subgraph: 'stock' }, 3, ['1', '2', '3']],
  ] as const)('by %s removes what is meant', async (_what, selector, removed, again) => {
    expect(await invalidate(selector)).toEqual({ removed });
    await products(['1', '2', '3']);
    expect(askedOfStock().slice(1)).toEqual(again.length > 0 ? [again] : []);
    expect(remote.shop.requests).toHaveLength(1);
  });

  it.each([
    ['the type Query', { kind: 'type', type: 'Query' }],
    ['their tag', { kind: 'tag', tag: 'lists' }],
  ] as const)('by %s removes root fields', async (_what, selector) => {
    expect(await invalidate(selector)).toEqual({ removed: 1 });
    await products(['1', '2', '3']);
    expect(remote.shop.requests).toHaveLength(2);
  });

  it('keeps nothing that was asked for before it', async () => {
    let open: () => void = () => undefined;
    remote.stock.gate = () =>
      new Promise<void>((resolve) => {
        open = resolve;
      });
    const asking = products(['5']);
    await waitFor('stock is asked', () => askedOfStock().length === 2);
    await invalidate({ kind: 'type', type: 'Product' });
    open();
    await asking;
    remote.stock.gate = undefined;
    await products(['5']);
    expect(askedOfStock()).toHaveLength(3);
  });
});

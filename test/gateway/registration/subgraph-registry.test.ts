import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { print, type GraphQLObjectType } from 'graphql';
import { createThreadedPlanning } from '../../../gateway/planning/threaded-planning.js';
import type { Planning } from '../../../gateway/planning/planning.js';
import { fetchSubgraphSdl } from '../../../gateway/registration/fetch-subgraph-sdl.js';
import { createRegisteredFile } from '../../../gateway/registration/registered-file.js';
import {
  createSubgraphRegistry,
  type SubgraphRegistry,
} from '../../../gateway/registration/subgraph-registry.js';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { createGuestAddresses, type GuestAddresses } from '../../../gateway/registration/guest-addresses.js';
import { createAddressGuard } from '../../../kernel/outbound/address-guard.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { createGraphClient } from '../../support/graph-client.js';
import { serveRemoteGateway, type RemoteGateway } from '../../support/remote-gateway.js';
import { openSubscriber } from '../../support/subscriber.js';

const logger = createLogger({ level: 'silent', pretty: false });
const guard = createAddressGuard('loopback');
let guests: GuestAddresses;
let planning: Planning;
let folder: string;
let source: EventSource<{ sold: { id: string } }>;
let shop: ForeignSubgraph;
let stock: ForeignSubgraph;
let gateway: RemoteGateway;
let registry: SubgraphRegistry;

beforeAll(async () => {
  planning = createThreadedPlanning({ logger });
  folder = await mkdtemp(join(tmpdir(), 'aegis-registered-'));
});
afterAll(async () => {
  await planning.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  source = createEventSource();
  shop = await serveForeignSubgraph('shop', {
    typeDefs: `
      type Query { product(id: ID!): Product }
      type Subscription { sold: Product }
      "What is sold."
      type Product @key(fields: "id") { id: ID! name: String }`,
    resolvers: {
      Query: { product: (_parent: unknown, { id }: { id: string }) => ({ id, name: `product ${id}` }) },
      Subscription: { sold: { subscribe: () => source.open() } },
      Product: { name: ({ id }: { id: string }) => `product ${id}` },
    },
  });
  stock = await serveForeignSubgraph('stock', {
    typeDefs: 'type Query { total: Int } type Product @key(fields: "id") { id: ID! units: Int }',
    resolvers: {
      Query: { total: () => 30 },
      Product: { units: ({ id }: { id: string }) => Number(id) * 10 },
    },
  });
  gateway = await serveRemoteGateway([shop]);
  guests = createGuestAddresses();
  registry = openRegistry();
});
afterEach(async () => {
  await gateway.close();
  await Promise.all([shop.close(), stock.close()]);
});

function openRegistry(file?: string, allowed = guard): SubgraphRegistry {
  return createSubgraphRegistry({
    gateway: gateway.gateway,
    planning,
    baseSdl: gateway.gateway.current.snapshot.sdl,
    file: file === undefined ? undefined : createRegisteredFile(file),
    checkAddress: (url) => guard.check(url),
    mayBeAt: (url) => allowed.allows(url),
    fetchSdl: (url) => fetchSubgraphSdl(url, { guard, timeoutMs: 300, maxBytes: 100_000 }),
    guests,
    logger,
  });
}

const graph = () => createGraphClient({ url: gateway.url, apiKey: undefined });
const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n';
const problemsOf = async (outcome: ReturnType<SubgraphRegistry['register']>) => {
  const told = await outcome;
  return told.kind === 'refused' ? told.problems : [];
};

describe('where registered subgraphs are', () => {
  it('is looked at for each connection, but not where the supergraph has them itself', async () => {
    await registry.register({ name: 'stock', url: stock.url });
    expect([guests.has(stock), guests.has(shop)]).toEqual([true, false]);
    // Another contract of one of the supergraph's own, at its own address.
    await registry.register({ name: 'shop' });
    expect(guests.has({ name: 'shop', url: `${shop.url}#again` })).toBe(false);
    expect(guests.has(shop)).toBe(false);
  });

  it('is known before anything is sent there', async () => {
    const known: boolean[] = [];
    const stop = gateway.gateway.onGeneration(() => void known.push(guests.has(stock)));
    await registry.register({ name: 'stock', url: stock.url });
    await registry.remove('stock');
    stop();
    // Operations that began before may still call it when it is registered no more.
    expect(known).toEqual([false, true, true]);
  });
});

describe('registering a subgraph', () => {
  it('asks it for its contract, and serves it beside the others', async () => {
    const outcome = await registry.register({ name: 'stock', url: stock.url });
    expect(outcome).toMatchObject({ kind: 'taken', name: 'stock', changes: [] });
    expect(await graph().query('{ total product(id: 3) { name units } }')).toEqual({
      total: 30,
      product: { name: 'product 3', units: 30 },
    });
    expect(registry.list()).toEqual([
      { name: 'shop', url: shop.url, state: 'SERVED', source: 'SUPERGRAPH', registeredAt: undefined },
      {
        name: 'stock',
        url: new URL(stock.url).href,
        state: 'SERVED',
        source: 'URL',
        registeredAt: expect.any(Date),
      },
    ]);
    await registry.remove('stock');
    expect((await graph().send('{ total }')).errors).toHaveLength(1);
    expect(await graph().query('{ product(id: 3) { name } }')).toEqual({ product: { name: 'product 3' } });
  });

  it('takes SDL in the place of the subgraph’s own, and replaces one of the same name', async () => {
    await registry.register({ name: 'stock', url: stock.url });
    const sdl = `${LINK} type Product @key(fields: "id") { id: ID! units: Int }`;
    expect(await registry.register({ name: 'stock', sdl })).toMatchObject({
      kind: 'taken',
      changes: [{ kind: 'FIELD_REMOVED', severity: 'BREAKING', coordinate: 'Query.total', uses: 0 }],
    });
    expect(await graph().query('{ product(id: 3) { units } }')).toEqual({ product: { units: 30 } });
    const more = print(shop.typeDefs).replace('name: String', 'name: String title: String');
    expect(await registry.register({ name: 'shop', sdl: more })).toMatchObject({
      kind: 'taken',
      changes: [],
    });
    const product = gateway.gateway.current.snapshot.apiSchema.getType('Product');
    expect(product).toMatchObject({ description: 'What is sold.' });
    expect(Object.keys((product as GraphQLObjectType).getFields())).toContain('title');
    expect(await graph().query('{ product(id: 3) { name units } }')).toEqual({
      product: { name: 'product 3', units: 30 },
    });
    // The supergraph's own comes back.
    await registry.remove('shop');
    expect((await graph().send('{ product(id: 3) { title } }')).errors).toHaveLength(1);
  });

  it('tells what it would break and how often that is used, and changes nothing in a dry run', async () => {
    for (let time = 0; time < 3; time += 1) await graph().query('{ product(id: 1) { name } }');
    const before = gateway.gateway.current;
    const sdl = print(shop.typeDefs).replace('name: String', 'title: String');
    const outcome = await registry.register({ name: 'shop', sdl }, { dryRun: true });
    expect(outcome).toMatchObject({
      kind: 'checked',
      changes: [{ kind: 'FIELD_REMOVED', coordinate: 'Product.name', uses: 3, severity: 'BREAKING' }],
    });
    expect(gateway.gateway.current).toBe(before);
    expect(registry.list().every(({ source: from }) => from === 'SUPERGRAPH')).toBe(true);
  });

  it('changes nothing when it does not compose, and tells why with codes', async () => {
    const before = gateway.gateway.current;
    const sdl = `${LINK} type Product @key(fields: "id") { id: ID! name: Int }`;
    const problems = await problemsOf(registry.register({ name: 'stock', url: stock.url, sdl }));
    expect(problems.map(({ code }) => code)).toEqual(['FIELD_TYPE_MISMATCH', 'INVALID_FIELD_SHARING']);
    expect(gateway.gateway.current).toBe(before);
    expect(await registry.register({ name: 'stock', url: stock.url })).toMatchObject({ kind: 'taken' });
  });

  it.each([
    ['a name that is none', { name: '1 shop', url: 'http://127.0.0.1:9/' }, ['BAD_USER_INPUT', 'name']],
    ['no address', { name: 'stock' }, ['BAD_USER_INPUT', 'url']],
    ['an address that is none', { name: 'stock', url: 'nowhere' }, ['BAD_USER_INPUT', 'url']],
    ['another protocol', { name: 'stock', url: 'file:///etc/passwd' }, ['FORBIDDEN', 'url']],
    ['a private address', { name: 'stock', url: 'http://10.0.0.1/graphql' }, ['FORBIDDEN', 'url']],
    [
      'the address of a cloud’s secrets',
      { name: 'stock', url: 'http://169.254.169.254/', sdl: 'type Query { a: Int }' },
      ['FORBIDDEN', 'url'],
    ],
    [
      'an address where nobody answers',
      { name: 'stock', url: 'http://127.0.0.1:9/' },
      ['UPSTREAM_FAILED', 'url'],
    ],
    [
      'SDL that is none',
      { name: 'stock', url: 'http://127.0.0.1:9/', sdl: 'type {' },
      ['BAD_USER_INPUT', 'sdl'],
    ],
  ])('is refused with %s', async (_what, input, [code, field]) => {
    expect(await problemsOf(registry.register(input))).toMatchObject([{ code, path: [field] }]);
  });

  it('is refused when the subgraph says something else, or nothing in time', async () => {
    stock.fault = (_request, response) => response.end('<html>');
    expect(await problemsOf(registry.register({ name: 'stock', url: stock.url }))).toMatchObject([
      { code: 'UPSTREAM_FAILED', message: expect.stringContaining('<html>') },
    ]);
    stock.fault = () => undefined;
    expect(await problemsOf(registry.register({ name: 'stock', url: stock.url }))).toMatchObject([
      { code: 'UPSTREAM_TIMEOUT' },
    ]);
    stock.fault = (_request, response) => {
      response.writeHead(302, { location: shop.url }).end();
    };
    expect(await problemsOf(registry.register({ name: 'stock', url: stock.url }))).toMatchObject([
      { code: 'UPSTREAM_FAILED', message: expect.stringContaining('302') },
    ]);
  });

  it('makes changes that come together one after the other', async () => {
    const outcomes = await Promise.all([
      registry.register({ name: 'stock', url: stock.url }),
      registry.register({ name: 'other', url: stock.url, sdl: `${LINK} type Query { more: Int }` }),
      registry.remove('stock'),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['taken', 'taken', 'taken']);
    expect(registry.list().map(({ name }) => name)).toEqual(['other', 'shop']);
  });

  it('takes another supergraph even while too many changes wait for one more of them', async () => {
    const changes = Array.from({ length: 16 }, (_one, number) => registry.remove(`nothing${number}`));
    const refused = registry.remove('one-too-many');
    const named = (name: string) => composeSupergraph([{ ...shop, name }]);
    const taken = [registry.takeBase(named('first')), registry.takeBase(named('second'))];
    await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.all([...changes, ...taken]);
    // One alone was taken, the latest.
    expect(registry.list().map(({ name }) => name)).toEqual(['second']);
    await expect(registry.takeBase('type Query { no: Supergraph }')).rejects.toThrow();
    await registry.takeBase(named('third'));
    expect(registry.list().map(({ name }) => name)).toEqual(['third']);
  });

  it('leaves a running subscription as it is', async () => {
    const client = await openSubscriber(gateway.webSocketUrl);
    client.subscribe({ query: 'subscription { sold { name } }' });
    await source.untilReaders(1);
    source.push({ sold: { id: '1' } });
    await client.untilEvents(1);
    await registry.register({ name: 'stock', url: stock.url });
    source.push({ sold: { id: '2' } });
    expect(await client.untilEvents(2)).toEqual(
      ['1', '2'].map((id) => ({ data: { sold: { name: `product ${id}` } } })),
    );
    expect(client.heard.filter(({ type }) => type !== 'next').map(({ type }) => type)).toEqual([
      'connection_ack',
    ]);
    client.socket.terminate();
  });
});

describe('what was registered', () => {
  it('is there again after a restart, and is added to another supergraph', async () => {
    const file = join(folder, 'deep', 'again.json');
    await openRegistry(file).register({ name: 'stock', url: stock.url });
    await gateway.close();
    gateway = await serveRemoteGateway([shop]);
    registry = openRegistry(file);
    await registry.start();
    expect(await graph().query('{ total product(id: 2) { units } }')).toEqual({
      total: 30,
      product: { units: 20 },
    });
    const fresh = { name: 'fresh', url: stock.url, typeDefs: shop.typeDefs };
    await registry.takeBase(composeSupergraph([fresh]));
    expect(registry.list().map(({ name }) => name)).toEqual(['fresh', 'stock']);
    await registry.remove('stock');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ subgraphs: [] });
  });

  it('stays registered, and is not served, when it does not fit any more', async () => {
    const file = join(folder, 'misfit.json');
    await openRegistry(file).register({ name: 'stock', url: stock.url });
    await gateway.close();
    await shop.close();
    shop = await serveForeignSubgraph('shop', { typeDefs: 'type Query { total: String }' });
    gateway = await serveRemoteGateway([shop]);
    registry = openRegistry(file);
    await registry.start();
    expect(registry.list().map(({ name, state }) => [name, state])).toEqual([
      ['shop', 'SERVED'],
      ['stock', 'REFUSED'],
    ]);
    await expect(registry.takeBase(gateway.gateway.current.snapshot.sdl)).rejects.toThrow('do not compose');
    await registry.remove('stock');
    expect(registry.list().map(({ name }) => name)).toEqual(['shop']);
  });

  it('is left out where its address may not be called any more, unless the supergraph has it there', async () => {
    const file = join(folder, 'narrower.json');
    await openRegistry(file).register({ name: 'stock', url: stock.url });
    await gateway.close();
    gateway = await serveRemoteGateway([shop]);
    registry = openRegistry(file, createAddressGuard('public'));
    const states = () => registry.list().map(({ name, state }) => [name, state]);
    const left = [
      ['shop', 'SERVED'],
      ['stock', 'REFUSED'],
    ];
    await registry.start();
    expect(states()).toEqual(left);
    // Nor does another change bring it in.
    await registry.register({ name: 'shop' });
    expect(states()).toEqual(left);
    const before = stock.requests.length;
    expect((await graph().send('{ total }')).errors).toHaveLength(1);
    expect(stock.requests).toHaveLength(before);
    await registry.takeBase(composeSupergraph([shop, stock]));
    expect(states()).toEqual([
      ['shop', 'SERVED'],
      ['stock', 'SERVED'],
    ]);
    expect(await graph().query('{ total }')).toEqual({ total: 30 });
  });

  it('is not lost to a file that cannot be read: that is said', async () => {
    const file = join(folder, 'broken.json');
    await writeFile(file, '{"subgraphs": [{}]}');
    await expect(openRegistry(file).start()).rejects.toThrow('expected registered subgraphs');
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { untilCollected } from '../../support/garbage.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { serveRemoteGateway, type RemoteGateway } from '../../support/remote-gateway.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

interface Tick {
  readonly tick: { readonly id: string };
}

let source: EventSource<Tick>;
let ticks: ForeignSubgraph;
let names: ForeignSubgraph;
let gateway: RemoteGateway;
let client: Subscriber;

beforeEach(async () => {
  source = createEventSource();
  ticks = await serveForeignSubgraph('ticks', {
    typeDefs: `
      type Query { none: Int }
      type Subscription { tick: Tick }
      type Tick @key(fields: "id") { id: ID! }`,
    resolvers: { Subscription: { tick: { subscribe: () => source.open() } } },
  });
  names = await serveForeignSubgraph('names', {
    typeDefs: 'type Tick @key(fields: "id") { id: ID! name: String }',
    resolvers: { Tick: { name: ({ id }: { id: string }) => `name of ${id}` } },
  });
  gateway = await serveRemoteGateway([ticks, names], { schemaChangeSpreadMs: 40 });
  client = await openSubscriber(gateway.webSocketUrl);
});
afterEach(async () => {
  client.socket.terminate();
  await gateway.close();
  await Promise.all([ticks.close(), names.close()]);
});

const valueOf = async (name: string) =>
  (await gateway.metrics.getSingleMetric(name)?.get())?.values.reduce((sum, { value }) => sum + value, 0);

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n`;
const withSdl = ({ name, url }: ForeignSubgraph, sdl: string) => ({ name, url, typeDefs: parse(LINK + sdl) });
const more = { name: 'more', url: 'http://127.0.0.1:9', typeDefs: parse(`${LINK} type Query { more: Int }`) };

const tick = (id: string) => {
  source.push({ tick: { id } });
};
const named = (id: string) => ({ data: { tick: { name: `name of ${id}` } } });

describe('a change of the supergraph', () => {
  it('leaves a subscription as it is that means the same, and who comes later shares it', async () => {
    client.subscribe({ query: 'subscription { tick { name } }' });
    await source.untilReaders(1);
    tick('1');
    await client.untilEvents(1);
    await gateway.gateway.swap(composeSupergraph([ticks, names, more]));
    // Its turn comes in the next rounds of the event loop.
    for (let round = 0; round < 5; round += 1) await new Promise(setImmediate);
    const other = await openSubscriber(gateway.webSocketUrl);
    other.subscribe({ query: 'subscription { tick { name } }' });
    await waitFor('it has joined', async () => (await valueOf('aegis_gateway_subscription_clients')) === 2);
    tick('2');
    expect(await other.untilEvents(1)).toEqual([named('2')]);
    expect(await client.untilEvents(2)).toEqual([named('1'), named('2')]);
    expect([source.readers, ticks.payloads.length]).toEqual([1, 1]);
    expect(client.heard.filter(({ type }) => type !== 'next')).toHaveLength(1);
    other.socket.terminate();
  });

  it('lets go of the supergraph before, though the subscription runs on', async () => {
    client.subscribe({ query: 'subscription { tick { name } }' });
    await source.untilReaders(1);
    tick('1');
    await client.untilEvents(1);
    const former: WeakRef<object>[] = [];
    for (const round of [2, 3]) {
      const before = new WeakRef(gateway.gateway.current);
      former.push(before, new WeakRef(gateway.gateway.current.snapshot));
      await gateway.gateway.swap(composeSupergraph(round === 2 ? [ticks, names, more] : [ticks, names]));
      await waitFor('its transports are given back', () => (before.deref()?.transports.size ?? 0) === 0);
      tick(String(round));
      await client.untilEvents(round);
    }
    await untilCollected('a former generation', former);
    expect(client.events).toEqual(['1', '2', '3'].map(named));
    expect([source.readers, ticks.payloads.length]).toEqual([1, 1]);
    ticks.dropSockets();
    await waitFor('it has begun again', () => ticks.payloads.length === 2 && source.readers === 1);
    tick('4');
    expect((await client.untilEvents(4))[3]).toEqual({ ...named('4'), extensions: { gap: true } });
  });

  it.each([
    [
      'a field of it is gone',
      () => [ticks, withSdl(names, 'type Tick @key(fields: "id") { id: ID! title: String }')],
    ],
    [
      'a field of it is of another type',
      () => [ticks, withSdl(names, 'type Tick @key(fields: "id") { id: ID! name: Int }')],
    ],
    ['its subgraph has moved', () => [ticks, { ...names, url: `${names.url}?moved` }]],
  ])('ends it with a reason when %s', async (_what, subgraphs) => {
    const id = client.subscribe({ query: 'subscription { tick { name } }' });
    const others = client.subscribe({ query: 'subscription { tick { id } }' });
    await source.untilReaders(2);
    await gateway.gateway.swap(composeSupergraph(subgraphs()));
    const error = await client.untilHeard(({ type }) => type === 'error');
    expect(error).toMatchObject({
      id,
      payload: [{ extensions: { code: 'UNAVAILABLE', reason: 'SCHEMA_CHANGED', retryable: true } }],
    });
    await source.untilReaders(1);
    tick('1');
    await client.untilEvents(1);
    expect(client.heard.at(-1)).toMatchObject({ id: others, type: 'next' });
  });
});

describe('a gateway that stops', () => {
  it('tells every subscription and closes the sockets', async () => {
    const ids = ['name', 'id'].map((field) =>
      client.subscribe({ query: `subscription { tick { ${field} } }` }),
    );
    await source.untilReaders(2);
    await gateway.close();
    expect((await client.closed)[0]).toBe(1001);
    const told = client.heard.filter(({ type }) => type === 'error');
    expect(told.map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const { payload } of told) {
      expect(payload).toMatchObject([
        { extensions: { code: 'UNAVAILABLE', reason: 'STOPPING', retryAfterMs: expect.any(Number) } },
      ]);
    }
    await source.untilReaders(0);
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RemoteGraphQLDataSource } from '@apollo/gateway';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import WebSocket, { WebSocketServer } from 'ws';
import { AegisGateway } from '../../../gateway/library/aegis-gateway.js';
import type { AegisGatewayConfig } from '../../../gateway/library/gateway-config.js';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { startApolloApp } from '../../support/apollo-app.js';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';

interface Sold {
  readonly sold: { readonly id: string };
}

let sold: EventSource<Sold>;
let shop: ForeignSubgraph;
let stock: ForeignSubgraph;
let closing: (() => unknown)[];

beforeEach(async () => {
  sold = createEventSource<Sold>();
  shop = await serveForeignSubgraph('shop', {
    typeDefs: `
      type Query { products: [Product] }
      type Subscription { sold: Product }
      type Product @key(fields: "id") { id: ID! }`,
    resolvers: { Subscription: { sold: { subscribe: () => sold.open() } } },
  });
  stock = await serveForeignSubgraph('stock', {
    typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int }',
    resolvers: { Product: { units: ({ id }: { id: string }) => Number(id) * 10 } },
  });
  closing = [() => stock.close(), () => shop.close()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

/** Apollo Server with graphql-ws beside it, as the README has it. */
async function serve(config: Partial<AegisGatewayConfig>) {
  const gateway = new AegisGateway({
    supergraphSdl: composeSupergraph([shop, stock]),
    planningThread: false,
    ...config,
  });
  const app = await startApolloApp(gateway);
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, path: '/graphql' });
  useServer(
    {
      schema: gateway.currentSchema,
      execute: gateway.execute,
      subscribe: gateway.subscribe,
      context: ({ connectionParams }) => ({ user: connectionParams?.['user'] }),
    },
    sockets,
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const client = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { user: 'ada' },
  });
  closing.push(
    () => app.stop(),
    () => new Promise((resolve) => http.close(resolve)),
    () => {
      for (const socket of sockets.clients) socket.terminate();
    },
    () => client.dispose(),
  );
  return { app, client };
}

const SUBSCRIPTION = { query: 'subscription { sold { id units } }' };

describe('subscriptions beside Apollo Server', () => {
  it('are completed by data sources, whose hooks know who asks', async () => {
    const { client } = await serve({
      buildService: ({ url }) =>
        new RemoteGraphQLDataSource({
          url: url ?? '',
          willSendRequest({ request, context }) {
            request.http?.headers.set('x-user', String(context['user']));
          },
        }),
      connectionParams: ({ name, context }) => ({ to: name, user: String(context['user']) }),
    });
    const events = client.iterate(SUBSCRIPTION);
    const first = events.next();
    await sold.untilReaders(1);
    sold.push({ sold: { id: '4' } });
    expect((await first).value).toEqual({ data: { sold: { id: '4', units: 40 } } });
    expect(stock.requests.map(({ headers }) => headers['x-user'])).toEqual(['ada']);
    expect(shop.connections).toEqual([{ to: 'shop', user: 'ada' }]);
    await events.return?.();
    await sold.untilReaders(0);
  });

  it('work without buildService, and queries over the same socket', async () => {
    const { client } = await serve({});
    const events = client.iterate(SUBSCRIPTION);
    const first = events.next();
    await sold.untilReaders(1);
    sold.push({ sold: { id: '1' } });
    expect((await first).value).toEqual({ data: { sold: { id: '1', units: 10 } } });
    const query = client.iterate({ query: 'query Q { __typename }', operationName: 'Q' });
    expect((await query.next()).value).toEqual({ data: { __typename: 'Query' } });
  });

  it('end when the server stops', async () => {
    const { app, client } = await serve({});
    const events = client.iterate(SUBSCRIPTION);
    const first = events.next();
    await sold.untilReaders(1);
    await app.stop();
    const outcome = await first.catch((error: unknown) => error);
    expect(outcome).not.toMatchObject({ value: { data: expect.anything() } });
    await sold.untilReaders(0);
  });

  it('are refused when the supergraph has no address for the subgraph', async () => {
    const url = '';
    const { client } = await serve({
      supergraphSdl: composeSupergraph([
        { ...shop, url },
        { ...stock, url },
      ]),
      buildService: ({ name }) =>
        new RemoteGraphQLDataSource({ url: name === 'shop' ? shop.url : stock.url }),
      logger: { debug: String, info: String, warn: String, error: String },
    });
    const { value } = await client.iterate(SUBSCRIPTION).next();
    expect(value).toMatchObject({ errors: [{ extensions: { code: 'UPSTREAM_FAILED', subgraph: 'shop' } }] });
  });
});

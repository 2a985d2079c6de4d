/* Two subgraphs in one process: one streams ticks over graphql-ws, the other knows the products that they name. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { createHandler } from 'graphql-http/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { parse } from 'graphql';
import { WebSocketServer } from 'ws';
import { createEventSource } from '../../test/support/event-source.js';
import { FILLING_BYTES, PRODUCTS_SDL, TICKS_SDL } from '../shop/ticks.js';
import { serveTasks } from '../support/tasks.js';

export type TickingSubgraphTasks = {
  /** Begins to answer at `/graphql` of two URLs. */
  readonly serve: (options: null) => Promise<{ readonly ticks: string; readonly products: string }>;
  /** Sends one event to all that subscribe. */
  readonly tick: (options: null) => boolean;
  readonly count: (options: null) => {
    /** Requests for products so far. */
    readonly requests: number;
    /** Open sockets, and subscriptions on them. */
    readonly sockets: number;
    readonly subscriptions: number;
  };
};

interface Tick {
  readonly tick: {
    readonly number: number;
    readonly sentAt: number;
    readonly filling: string;
    readonly product: { readonly upc: string };
  };
}

const filling = 'x'.repeat(FILLING_BYTES);
const source = createEventSource<Tick>();
const seen = { requests: 0, ticks: 0 };
const ticks = buildSubgraphSchema([
  { typeDefs: parse(TICKS_SDL), resolvers: { Subscription: { tick: { subscribe: () => source.open() } } } },
]);
const products = buildSubgraphSchema([
  {
    typeDefs: parse(PRODUCTS_SDL),
    resolvers: {
      Product: {
        __resolveReference: ({ upc }: { upc: string }) => ({ upc, name: `Product ${upc}`, price: 1_299 }),
      },
    },
  },
]);

async function listen(handle: Parameters<typeof createServer>[1]) {
  const server = createServer(handle ?? (() => undefined)).listen(0, '127.0.0.1');
  server.keepAliveTimeout = 60_000;
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql` };
}

const sockets = new WebSocketServer({ noServer: true });

serveTasks({
  async serve() {
    const answerProducts = createHandler({ schema: products });
    const answerTicks = createHandler({ schema: ticks });
    const ofProducts = await listen((request, response) => {
      seen.requests += 1;
      void answerProducts(request, response);
    });
    const ofTicks = await listen((request, response) => void answerTicks(request, response));
    useServer({ schema: ticks }, sockets);
    ofTicks.server.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
    });
    return { ticks: ofTicks.url, products: ofProducts.url };
  },
  tick() {
    seen.ticks += 1;
    const product = { upc: String(seen.ticks % 9) };
    // The monotonic clock is the same for all processes of a machine.
    const sentAt = Number(process.hrtime.bigint()) / 1e6;
    source.push({ tick: { number: seen.ticks, sentAt, filling, product } });
    return true;
  },
  count: () => ({ requests: seen.requests, sockets: sockets.clients.size, subscriptions: source.readers }),
} satisfies TickingSubgraphTasks);

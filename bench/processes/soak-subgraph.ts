/* One subgraph of the soak, on a port that it is told: it may be killed at any time, and comes back there. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setInterval as every } from 'node:timers/promises';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { createHandler } from 'graphql-http/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { parse, type GraphQLSchema } from 'graphql';
import { WebSocketServer } from 'ws';
import { createShopSchemas } from '../shop/shop.js';
import { describeLive, FILLING_BYTES, TICK_MS } from '../soak/live-graph.js';
import { serveTasks } from '../support/tasks.js';

export type SoakSubgraphTasks = {
  readonly serve: (options: { readonly name: string; readonly port: number }) => Promise<boolean>;
};

const filling = 'x'.repeat(FILLING_BYTES);
const seen = { notes: 0 };

async function* tick(_parent: unknown, { every: step }: { every: number }) {
  let number = 0;
  for await (const _ of every(TICK_MS)) {
    number += 1;
    if (number % Math.max(1, step) !== 0) continue;
    yield { tick: { number, filling, mood: 'fine', product: { upc: String(1 + (number % 9)) } } };
  }
}

function createLive(): GraphQLSchema {
  const resolvers = {
    Query: { notes: () => seen.notes },
    Mutation: {
      addNote: (_parent: unknown, { upc, text }: { upc: string; text: string }) => {
        seen.notes += 1;
        return { number: seen.notes, text, product: { upc } };
      },
    },
    Subscription: { tick: { subscribe: tick } },
  };
  return buildSubgraphSchema([{ typeDefs: parse(describeLive(true)), resolvers }]);
}

serveTasks({
  async serve({ name, port }) {
    const schema = name === 'live' ? createLive() : createShopSchemas()[name];
    if (!schema) throw new Error(`there is no subgraph ${name}`);
    const handle = createHandler({ schema });
    const server = createServer((request, response) => void handle(request, response));
    useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));
    server.keepAliveTimeout = 60_000;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  },
} satisfies SoakSubgraphTasks);

/* The floor of a fan-out: `ws` alone sends each event's bytes to every client. It speaks just so much graphql-ws that the
 * same clients can connect. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import WebSocket, { WebSocketServer } from 'ws';
import { serveTasks } from '../support/tasks.js';

export type BroadcastTasks = {
  /** Follows the subscription at a subgraph, and tells where it sends its events on. */
  readonly serve: (options: { readonly upstream: string; readonly query: string }) => Promise<string>;
};

serveTasks({
  async serve({ upstream, query }) {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => 'graphql-transport-ws',
    });
    await once(server, 'listening');
    const subscribed = new Set<WebSocket>();
    server.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => {
        if (data.includes('connection_init')) socket.send('{"type":"connection_ack"}');
        else subscribed.add(socket);
      });
    });
    const client = createClient({ url: upstream, webSocketImpl: WebSocket });
    client.subscribe(
      { query },
      {
        next: ({ data }) => {
          const { tick } = data as { tick: { product: object } };
          const product = { ...tick.product, name: 'Product 1', price: 1_299 };
          const payload = { data: { tick: { ...tick, product } } };
          const message = Buffer.from(JSON.stringify({ id: crypto.randomUUID(), type: 'next', payload }));
          for (const socket of subscribed) socket.send(message, { binary: false });
        },
        error: (error) => {
          throw new Error('the subscription failed', { cause: error });
        },
        complete: () => undefined,
      },
    );
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  },
} satisfies BroadcastTasks);

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut. */
export interface CuttingProxy {
  /** As the server's own URL, at another port. */
  readonly url: string;
  /** Ends all connections without a word, as a lost network does. New ones are let through, unless it is blocked. */
  cut(): void;
  /** Whether new connections are ended at once. */
  blocked: boolean;
  close(): Promise<void>;
}

/** Passes TCP connections on to the server of a URL. */
export async function openCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    socket.on('error', () => undefined);
    return socket.once('close', () => sockets.delete(socket));
  }

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }

  const state = { blocked: false };
  const server = createServer((client) => {
    if (state.blocked) {
      client.destroy();
      return;
    }
    const upstream = keep(connect(Number(port), hostname));
    keep(client).pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    cut,
    get blocked() {
      return state.blocked;
    },
    set blocked(blocked) {
      state.blocked = blocked;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

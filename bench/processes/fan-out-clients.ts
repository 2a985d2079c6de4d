/* Many graphql-ws clients in one process, each with the same subscription. */
import { once } from 'node:events';
import WebSocket from 'ws';
import { percentilesOf, type Percentiles } from '../support/percentiles.js';
import { serveTasks } from '../support/tasks.js';

export type FanOutClientTasks = {
  /** Opens so many sockets and subscribes on each. */
  readonly open: (options: {
    readonly url: string;
    readonly count: number;
    readonly query: string;
  }) => Promise<boolean>;
  /** Stops reading on so many of the sockets: from then on they are not counted, and may be closed. */
  readonly pause: (count: number) => boolean;
  /** Reads them again, and tells how many of them are closed by the time that the others have been silent for a while. */
  readonly resume: (none: null) => Promise<number>;
  /** Waits until so many events have been delivered since the last look, all clients that read together. */
  readonly untilDelivered: (count: number) => Promise<boolean>;
  /** From event to client, in milliseconds, since the last look. */
  readonly look: (none: null) => Percentiles & { readonly deliveries: number };
};

/** How many sockets are opened at a time. */
const AT_A_TIME = 50;
const SENT_AT = '"sentAt":';
/** How long closing frames and what the system holds for a socket may take after it is read again, in milliseconds. */
const SETTLE_MS = 1_000;

interface Client {
  readonly socket: WebSocket;
  slow: boolean;
  closed: boolean;
}

const clients: Client[] = [];
const state = { latencies: [] as number[], wanted: Number.POSITIVE_INFINITY, wake: (): void => undefined };

function take(data: Buffer): void {
  const at = data.indexOf(SENT_AT);
  if (at < 0) throw new Error(`expected an event, got ${data.toString('utf8', 0, 500)}`);
  const sentAt = Number.parseFloat(data.toString('latin1', at + SENT_AT.length, at + SENT_AT.length + 24));
  state.latencies.push(Number(process.hrtime.bigint()) / 1e6 - sentAt);
  if (state.latencies.length >= state.wanted) state.wake();
}

async function openOne(url: string, subscribe: string): Promise<void> {
  const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  const client: Client = { socket, slow: false, closed: false };
  clients.push(client);
  socket.on('message', (data: Buffer) => {
    // What keeps a connection alive is no event.
    if (client.slow || data.includes('"type":"ping"')) return;
    take(data);
  });
  socket.once('close', (code, reason) => {
    client.closed = true;
    if (!client.slow) throw new Error(`a socket was closed with ${code} ${reason.toString()}`);
  });
  socket.on('error', (error) => {
    if (!client.slow) throw error;
  });
  socket.send(subscribe);
}

serveTasks({
  async open({ url, count, query }) {
    for (let opened = 0; opened < count; opened += AT_A_TIME) {
      const batch = Array.from({ length: Math.min(AT_A_TIME, count - opened) }, () =>
        // Such as the ids that graphql-ws makes.
        openOne(url, JSON.stringify({ id: crypto.randomUUID(), type: 'subscribe', payload: { query } })),
      );
      await Promise.all(batch);
    }
    return true;
  },
  pause(count) {
    for (const client of clients.slice(0, count)) {
      client.slow = true;
      client.socket.pause();
    }
    return true;
  },
  async resume() {
    const slow = clients.filter((client) => client.slow);
    for (const { socket } of slow) socket.resume();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return slow.filter(({ closed }) => closed).length;
  },
  async untilDelivered(count) {
    if (state.latencies.length < count) {
      await new Promise<void>((resolve) => {
        state.wanted = count;
        state.wake = resolve;
      });
    }
    state.wanted = Number.POSITIVE_INFINITY;
    return true;
  },
  look() {
    const { latencies } = state;
    state.latencies = [];
    return { ...percentilesOf(latencies), deliveries: latencies.length };
  },
} satisfies FanOutClientTasks);

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
  /** Waits until so many events have been delivered since the last look, all clients together. */
  readonly untilDelivered: (count: number) => Promise<boolean>;
  /** From event to client, in milliseconds, since the last look. */
  readonly look: (none: null) => Percentiles & { readonly deliveries: number };
};

/** How many sockets are opened at a time. */
const AT_A_TIME = 50;
const SENT_AT = '"sentAt":';

const state = { latencies: [] as number[], wanted: Number.POSITIVE_INFINITY, wake: (): void => undefined };

async function openOne(url: string, subscribe: string): Promise<void> {
  const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  socket.on('message', (data: Buffer) => {
    const at = data.indexOf(SENT_AT);
    if (at < 0) throw new Error(`expected an event, got ${data.toString()}`);
    const sentAt = Number.parseFloat(data.toString('latin1', at + SENT_AT.length, at + SENT_AT.length + 24));
    state.latencies.push(Number(process.hrtime.bigint()) / 1e6 - sentAt);
    if (state.latencies.length >= state.wanted) state.wake();
  });
  socket.once('close', (code) => {
    throw new Error(`a socket was closed with ${code}`);
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

/* Many open dashboards in one process: each a socket with the subscriptions of the page. */
import { once } from 'node:events';
import WebSocket from 'ws';
import { ALARM_CHANGES } from '../../dashboard/alarms/documents.js';
import { DEVICE_READINGS } from '../../dashboard/devices/documents.js';
import { EVENT_FEED } from '../../dashboard/events/documents.js';
import { NETWORK_STATES, NODE_METRICS } from '../../dashboard/network/documents.js';
import { percentilesOf, type Percentiles } from '../support/percentiles.js';
import { serveTasks } from '../support/tasks.js';

export type DashboardPagesTasks = {
  /** Opens so many pages. */
  readonly open: (options: {
    readonly url: string;
    readonly count: number;
    readonly deviceIds: readonly string[];
  }) => Promise<boolean>;
  /** From the sample of an update to a page, in milliseconds, since the last look. */
  readonly look: (
    none: null,
  ) => Percentiles & { readonly updates: number; readonly deliveries: number; readonly bytes: number };
};

const AT_A_TIME = 50;
/** Where the instant of an update stands in an event. */
const SAMPLED_AT = /"(?:sampledAt|measuredAt)":"([^"]+)"/;
const NETWORK_ID = 'network';
const state = { latencies: [] as number[], updates: 0, deliveries: 0, bytes: 0 };

function take(data: Buffer): void {
  if (data.includes('"type":"ping"')) return;
  state.deliveries += 1;
  state.bytes += data.length;
  const text = data.toString('latin1', 0, 600);
  if (!text.includes(`"id":"${NETWORK_ID}"`)) return;
  const [, sampledAt] = SAMPLED_AT.exec(data.toString('latin1')) ?? [];
  if (sampledAt === undefined) throw new Error(`expected an update of the network, got ${text}`);
  state.updates += 1;
  state.latencies.push(Date.now() - Date.parse(sampledAt));
}

async function openOne(url: string, deviceIds: readonly string[]): Promise<void> {
  const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  socket.on('message', take);
  socket.once('close', (code, reason) => {
    throw new Error(`a page was closed with ${code} ${reason.toString()}`);
  });
  const subscribe = (id: string, query: string, variables: object = {}) => {
    socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }));
  };
  subscribe(NETWORK_ID, NETWORK_STATES);
  subscribe('nodes', NODE_METRICS);
  subscribe('alarms', ALARM_CHANGES);
  subscribe('events', EVENT_FEED);
  subscribe('devices', DEVICE_READINGS, { deviceIds });
  for (const id of deviceIds) subscribe(`device ${id}`, DEVICE_READINGS, { deviceIds: [id] });
}

serveTasks({
  async open({ url, count, deviceIds }) {
    for (let opened = 0; opened < count; opened += AT_A_TIME) {
      const batch = Array.from({ length: Math.min(AT_A_TIME, count - opened) }, () =>
        openOne(url, deviceIds),
      );
      await Promise.all(batch);
    }
    return true;
  },
  look() {
    const { latencies, updates, deliveries, bytes } = state;
    Object.assign(state, { latencies: [], updates: 0, deliveries: 0, bytes: 0 });
    return { ...percentilesOf(latencies), updates, deliveries, bytes };
  },
} satisfies DashboardPagesTasks);

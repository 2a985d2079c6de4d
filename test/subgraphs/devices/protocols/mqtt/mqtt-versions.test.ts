import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Aedes } from 'aedes';
import type { Database } from '../../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { connectMqtt } from '../../support/mqtt.js';
import { openDevices } from '../../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
afterEach(openedByTest.close);

/** Starts a broker that knows no MQTT 5. */
async function startOldBroker(): Promise<string> {
  const broker = new Aedes();
  await broker.listen();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  openedByTest.keep({
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => {
        broker.close(resolve);
      });
    },
  });
  const address = server.address();
  return `mqtt://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
}

describe('a broker that speaks MQTT 3.1.1 alone', () => {
  it('is spoken to in 3.1.1 once it has refused 5, and its messages are stored', async () => {
    const url = await startOldBroker();
    const devices = openedByTest.keep(await openDevices({ database, env: { AEGIS_MQTT_URL: url } }));
    await devices.register('sensor');
    await waitFor('it is up', async () => (await devices.subgraph.health()).state === 'UP', {
      deadlineMs: 20_000,
    });
    const sender = await connectMqtt(url);
    openedByTest.keep({ close: () => sender.endAsync(true) });
    await sender.publishAsync(`aegis/${devices.workspace}/sensor/telemetry`, '{"temperature": 1}', {
      qos: 1,
    });
    const { client } = database.inWorkspace(devices.workspace);
    await waitFor('it is stored', async () => (await client.reading.count()) === 1);
    expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
  }, 40_000);
});

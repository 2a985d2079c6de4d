import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import {
  createConnectivity,
  type Connectivity,
} from '../../../../subgraphs/devices/sessions/connectivity.js';
import { createConnectivityRegistry } from '../../../../subgraphs/devices/sessions/registry.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let id: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  id = await devices.register('sensor');
});
afterEach(openedByTest.close);

const SETTLE_MS = 50;

async function open(
  holder: string,
  { alone = false, silentMs = 60_000 }: { alone?: boolean; silentMs?: number } = {},
): Promise<Connectivity> {
  const { workspace, log } = devices;
  const connectivity = createConnectivity({
    ...{ workspaces: [workspace], holder, alone, silentMs, settleMs: SETTLE_MS },
    registry: createConnectivityRegistry(database, log),
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  await connectivity.start();
  return openedByTest.keep(connectivity);
}

const rowOf = () =>
  database.inWorkspace(devices.workspace).client.deviceConnectivity.findFirst({ where: { deviceId: id } });
const waitForState = (state: string) =>
  waitFor(`it is ${state} in the table`, async () => {
    const row = await rowOf();
    return row?.state === state ? row : undefined;
  });
async function facts(): Promise<string[]> {
  const events = await devices.log.readAfter(devices.workspace, 0n, 100);
  return events.map(({ type }) => type).filter((type) => /connected$/.test(type));
}

describe('who is connected', () => {
  it('is stored soon, told at once, and stated as facts once it has settled', async () => {
    const connectivity = await open('one');
    const { workspace } = devices;
    connectivity.connected(workspace, id, 'MQTT');
    expect((await connectivity.find(workspace, [id])).get(id)).toMatchObject({
      state: 'ONLINE',
      protocol: 'MQTT',
    });
    const online = await waitForState('ONLINE');
    await waitFor('it is stated', async () => (await facts()).length === 1);
    connectivity.gone(workspace, id, 'it disconnected');
    const offline = await waitForState('OFFLINE');
    expect(offline).toMatchObject({ reason: 'it disconnected', holder: null });
    expect(offline.since.getTime()).toBeGreaterThan(online.since.getTime());
    await waitFor('that is stated, too', async () => (await facts()).length === 2);
    expect(await facts()).toEqual(['aegis.device.connected', 'aegis.device.disconnected']);
  }, 15_000);

  it('is no fact when it comes and goes between two looks', async () => {
    const connectivity = await open('one');
    const { workspace } = devices;
    for (let round = 0; round < 50; round += 1) {
      connectivity.connected(workspace, id, 'MQTT');
      connectivity.gone(workspace, id, 'it flaps');
    }
    await waitForState('OFFLINE');
    connectivity.connected(workspace, id, 'MQTT');
    await waitFor('it is stated', async () => (await facts()).length > 0);
    expect(await facts()).toEqual(['aegis.device.connected']);
  }, 15_000);

  it('is UNKNOWN after the process that held it has died, once another one looks', async () => {
    const { workspace } = devices;
    const dead = await open('dead');
    dead.connected(workspace, id, 'MQTT');
    await waitForState('ONLINE');
    // As after kill -9: its lease is over, and nobody has cleaned up.
    await database.inWorkspace(workspace).client.connectionHolder.deleteMany({ where: { id: 'dead' } });
    await open('next');
    expect(await rowOf()).toMatchObject({ state: 'UNKNOWN', holder: null });
    expect(await facts()).not.toContain('aegis.device.disconnected');
  }, 15_000);

  it('is not made UNKNOWN by a process that starts while the holder lives, unless it is alone', async () => {
    const { workspace } = devices;
    const living = await open('living');
    living.connected(workspace, id, 'MQTT');
    await waitForState('ONLINE');
    await open('second');
    expect(await rowOf()).toMatchObject({ state: 'ONLINE', holder: 'living' });
    await open('only', { alone: true });
    expect(await rowOf()).toMatchObject({ state: 'UNKNOWN' });
  }, 15_000);

  it('stays ONLINE when one process loses a device that another one holds', async () => {
    const { workspace } = devices;
    const [first, second] = [await open('first'), await open('second')];
    first.connected(workspace, id, 'MQTT');
    await waitForState('ONLINE');
    second.connected(workspace, id, 'MQTT');
    await waitFor('the second holds it', async () => (await rowOf())?.holder === 'second');
    first.gone(workspace, id, 'it moved');
    await first.close();
    expect(await rowOf()).toMatchObject({ state: 'ONLINE', holder: 'second' });
  }, 15_000);

  it('is kept by a sign of life for a while where the protocol keeps no connection', async () => {
    const { workspace } = devices;
    const connectivity = await open('one', { silentMs: 1 });
    connectivity.heard(workspace, id, 'HTTP');
    await waitForState('ONLINE');
    await database.inWorkspace(workspace).client.deviceConnectivity.updateMany({
      data: { lastSeenAt: new Date(Date.now() - 60_000) },
    });
    await open('sweeper', { silentMs: 1 });
    expect(await rowOf()).toMatchObject({
      state: 'OFFLINE',
      reason: expect.stringContaining('nothing was heard'),
    });
  }, 15_000);

  it('is UNKNOWN from the stop of the process that held it', async () => {
    const connectivity = await open('one');
    connectivity.connected(devices.workspace, id, 'MQTT');
    await connectivity.close();
    expect(await rowOf()).toMatchObject({ state: 'UNKNOWN' });
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer } from 'coap';
import type { Database } from '../../../../kernel/database/database.js';
import { startFakeBlueZ } from '../../../support/bluez/fake-bluez.js';
import { startPrivateBus } from '../../../support/bluez/private-bus.js';
import { createNodeCoap } from '../../../support/coap/node-coap.js';
import { describeWith } from '../../../support/describe-with.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { findFreePort } from '../../../support/free-port.js';
import { waitFor } from '../../../support/wait-for.js';
import { findCoapUrl } from '../support/open-coap.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const PROTOCOLS = '{ protocols { name kind url state reason messages refused sessions } }';
const SET = `mutation ($input: SetDeviceEndpointInput!) {
  setDeviceEndpoint(input: $input) { device { endpoint } userErrors { code path } } }`;
const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message } } }`;
const LATEST =
  'query ($id: ID!) { device(id: $id) { latest { metric value } connectivity { state protocol } } }';
const DISCOVERED = '{ discoveredDevices(first: 5) { edges { node { endpoint kind name rssi } } } }';

describe('the doors of devices', () => {
  let database: Database;
  let devices: TestDevices;
  beforeAll(async () => {
    database = await openTestDatabase();
  }, 60_000);
  afterAll(() => database.close());
  afterEach(() => devices.close());

  const status = async (name: string) =>
    (await devices.ask(PROTOCOLS)).protocols.find((protocol) => protocol.name === name);

  async function registerSensor(name: string): Promise<string> {
    const input = { name, profile: 'temperature-humidity' };
    return (await devices.ask(REGISTER, { input })).registerDevice.device?.id ?? '';
  }

  it('tell where they are, how they are, and what they have done', async () => {
    devices = await openDevices({ database });
    await devices.register('boiler');
    const url = findCoapUrl(devices);
    const client = createNodeCoap();
    const send = (payload: string) =>
      client.call(`${url}/${devices.workspace}/boiler/telemetry`, { method: 'POST', payload });
    expect(await send('{"temperature": 5}')).toMatchObject({ code: '2.04' });
    expect(await send('{"pressure": 5}')).toMatchObject({ code: '4.00' });
    client.close();
    expect(await status('CoAP server')).toEqual({
      ...{ name: 'CoAP server', kind: 'COAP', url, state: 'UP', reason: null },
      ...{ messages: 1, refused: 1, sessions: 0 },
    });
    expect(await status('Bluetooth LE by BlueZ')).toMatchObject({
      ...{ state: 'OFF', reason: expect.stringContaining('AEGIS_BLUETOOTH=on') },
    });
    expect((await devices.ask(PROTOCOLS)).protocols.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['HTTP', 'MQTT', 'COAP', 'BLUETOOTH']),
    );
  });

  it('refuse endpoints that are none, or those of another device', async () => {
    devices = await openDevices({ database });
    const [first, second] = [await devices.register('first'), await devices.register('second')];
    const set = async (id: string, endpoint: string | null) =>
      (await devices.ask(SET, { input: { id, endpoint } })).setDeviceEndpoint;
    expect(await set(first, 'ble:aa:bb:cc:dd:ee:ff')).toEqual({
      ...{ device: { endpoint: 'ble:AA:BB:CC:DD:EE:FF' }, userErrors: [] },
    });
    expect(await set(second, 'BLE:AA:BB:CC:DD:EE:FF')).toMatchObject({
      userErrors: [{ code: 'CONFLICT', path: ['endpoint'] }],
    });
    for (const endpoint of ['http://host', 'coap://', 'coap://host?x', 'ble:AA', 'coap://user@host'])
      expect((await set(second, endpoint)).userErrors).toMatchObject([{ code: 'BAD_USER_INPUT' }]);
    expect((await set('dev_nothing', null)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
    expect(await set(first, null)).toMatchObject({ device: { endpoint: null } });
    expect(await set(second, 'coap://Host:5683/a%20b/')).toMatchObject({
      device: { endpoint: 'coap://host/a%20b' },
    });
  });

  it('call on a device that serves CoAP as soon as it is known where it is', async () => {
    devices = await openDevices({ database, env: { AEGIS_COAP_NETWORKS: '127.0.0.0/8' } });
    const port = await findFreePort();
    const server = createServer({ type: 'udp4' }, (_request, response) => {
      response.setOption('Content-Format', 'application/json');
      response.end('{"temperature": 21.5, "humidity": 40}');
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
    try {
      const id = await registerSensor('served');
      await devices.ask(SET, { input: { id, endpoint: `coap://127.0.0.1:${port}` } });
      const { device } = await waitFor('it is read', async () => {
        const answer = await devices.ask(LATEST, { id });
        return answer.device?.latest.length === 2 && answer.device.connectivity.state === 'ONLINE'
          ? answer
          : undefined;
      });
      expect(device?.latest.map(({ metric, value }) => [metric, value]).sort()).toEqual([
        ...[
          ['humidity', 40],
          ['temperature', 21.5],
        ],
      ]);
      expect(device?.connectivity).toEqual({ state: 'ONLINE', protocol: 'COAP' });
      expect(await status('CoAP client')).toMatchObject({ state: 'UP', sessions: 1 });
    } finally {
      server.close();
    }
  });

  describeWith({ programs: ['dbus-daemon'] }, 'with Bluetooth', () => {
    it('list what is near by until it is registered, and read it then', async () => {
      const bus = await startPrivateBus();
      const full = (uuid: string) => `0000${uuid}-0000-1000-8000-00805f9b34fb`;
      const services = { [full('181a')]: { [full('2a6e')]: { flags: ['read'], value: [0x66, 0x08] } } };
      const bluez = await startFakeBlueZ(bus.address, [
        { address: 'AA:BB:CC:DD:EE:09', name: 'near', services },
      ]);
      devices = await openDevices({
        database,
        env: { AEGIS_BLUETOOTH: 'on', AEGIS_DBUS_ADDRESS: bus.address },
      });
      try {
        const found = await waitFor('it is found', async () => {
          const { discoveredDevices } = await devices.ask(DISCOVERED);
          return discoveredDevices.edges[0]?.node;
        });
        expect(found).toEqual({
          endpoint: 'ble:AA:BB:CC:DD:EE:09',
          kind: 'BLUETOOTH',
          name: 'near',
          rssi: -60,
        });
        const id = await registerSensor('near');
        await devices.ask(SET, { input: { id, endpoint: found.endpoint } });
        await waitFor('it is read', async () => {
          const { device } = await devices.ask(LATEST, { id });
          return device?.latest.some(({ metric, value }) => metric === 'temperature' && value === 21.5);
        });
        expect((await devices.ask(DISCOVERED)).discoveredDevices.edges).toEqual([]);
        expect(await status('Bluetooth LE by BlueZ')).toMatchObject({ state: 'UP', sessions: 1 });
        bluez.close();
        await bus.close();
        await waitFor(
          'it is told to be down',
          async () => (await status('Bluetooth LE by BlueZ'))?.state === 'DOWN',
        );
        expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
      } finally {
        bluez.close();
        await bus.close();
      }
    }, 60_000);
  });
});

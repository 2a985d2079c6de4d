import { afterAll, afterEach, beforeAll, beforeEach, expect, it, describe } from '@jest/globals';
import { DEFAULT_WORKSPACE } from '../../../../../kernel/identity/principal.js';
import { createMetrics, type Metrics } from '../../../../../kernel/telemetry/metrics.js';
import { AegisError } from '../../../../../kernel/errors/aegis-error.js';
import { parseEndpoint } from '../../../../../subgraphs/devices/endpoints/endpoint.js';
import {
  createBluetooth,
  type Bluetooth,
} from '../../../../../subgraphs/devices/protocols/bluetooth/bluetooth.js';
import { startFakeBlueZ, type FakeBlueZ, type FakePeripheral } from '../../../../support/bluez/fake-bluez.js';
import { startPrivateBus, type PrivateBus } from '../../../../support/bluez/private-bus.js';
import { describeWith } from '../../../../support/describe-with.js';
import { waitFor } from '../../../../support/wait-for.js';
import { recordProtocol, type ProtocolRecord } from '../../support/protocol-deps.js';
import { testProfile } from '../../support/test-profile.js';

const NEVER = new AbortController().signal;
const full = (uuid: string) => `0000${uuid}-0000-1000-8000-00805f9b34fb`;
const [SENSING, TEMPERATURE, HUMIDITY, BATTERY, LEVEL] = ['181a', '2a6e', '2a6f', '180f', '2a19'].map(
  full,
) as [...[string, string, string, string, string]];
const CONTROL = '12345678-1234-5678-1234-56789abcdef0';
const ADDRESS = 'AA:BB:CC:DD:EE:01';
const SENSOR: FakePeripheral = {
  ...{ address: ADDRESS, name: 'sensor' },
  services: {
    [SENSING]: {
      [TEMPERATURE]: { flags: ['read', 'notify'], value: [0x66, 0x08] },
      [HUMIDITY]: { flags: ['read'], value: [0xff, 0xff] },
    },
    [BATTERY]: { [LEVEL]: { flags: ['read'], value: [97] } },
    [CONTROL]: { [CONTROL]: { flags: ['write'], value: [0] } },
  },
};
const OTHER: FakePeripheral = { address: 'AA:BB:CC:DD:EE:02', name: 'other', services: {} };
const MAPPING = {
  characteristics: [
    { service: '181A', characteristic: '2A6E', property: 'temperature', format: 'sint16', scale: 0.01 },
    {
      service: '181a',
      characteristic: '2a6f',
      property: 'humidity',
      format: 'uint16',
      scale: 0.01,
      unknown: 0xffff,
    },
    { service: '180f', characteristic: '2a19', property: 'battery', format: 'uint8', intervalSeconds: 1 },
    { service: CONTROL, characteristic: CONTROL, property: 'interval', format: 'uint16', write: true },
  ],
  actions: {
    identify: { service: CONTROL, characteristic: CONTROL, field: 'seconds', format: 'uint8' },
    reset: { service: CONTROL, characteristic: CONTROL, value: 'ff01' },
  },
};

describeWith({ programs: ['dbus-daemon'] }, 'Bluetooth', () => {
  let bus: PrivateBus;
  let bluez: FakeBlueZ;
  let record: ProtocolRecord;
  let bluetooth: Bluetooth;
  let metrics: Metrics;

  beforeAll(async () => {
    bus = await startPrivateBus();
  });
  afterAll(() => bus.close());
  beforeEach(async () => {
    record = recordProtocol();
    bluez = await startFakeBlueZ(bus.address, [SENSOR, OTHER]);
    bluetooth = open(bus.address);
  });
  afterEach(async () => {
    await bluetooth.close();
    bluez.close();
  });

  function open(
    dbusAddress: string,
    adapter?: string,
    places: readonly string[] = [`ble:${ADDRESS}`],
  ): Bluetooth {
    metrics = createMetrics();
    return createBluetooth({
      ...{ ...record.deps, metrics },
      ...{ workspaces: [DEFAULT_WORKSPACE], dbusAddress, adapter },
      ...{ retryMs: 50, pingMs: 100, backoffMs: 50, scanMs: 300, restMs: 50 },
      endpoints: {
        async list() {
          return places.map((place) => ({
            ...{ workspace: DEFAULT_WORKSPACE, deviceId: 'dev_1', endpoint: parseEndpoint(place) },
          })) as never;
        },
        onChange: () => () => undefined,
      },
      profileOf: async () => testProfile({ bluetooth: MAPPING }),
    });
  }

  const texts = () => record.telemetry.map(({ text }) => text);

  it('connects with a device it has found, and reads what its profile tells', async () => {
    await bluetooth.start();
    const session = await waitFor('it is connected', () => record.sessions[0]);
    expect(session).toMatchObject({ deviceId: 'dev_1', protocol: 'BLUETOOTH' });
    await waitFor('both are read', () => texts().length >= 2);
    expect([...texts()].slice(0, 2).sort()).toEqual(['{"battery":97}', '{"temperature":21.5}']);
    expect(bluetooth.health()).toEqual({ state: 'UP' });
    // The sensor says that it does not know the humidity.
    expect(texts().some((text) => text.includes('humidity'))).toBe(false);
  });

  it('is told of changes', async () => {
    await bluetooth.start();
    await waitFor('it is to be told', () => bluez.isNotifying(TEMPERATURE));
    await waitFor('it was read once', () => texts().includes('{"temperature":21.5}'));
    bluez.set(TEMPERATURE, [0x00, 0xff]);
    bluez.set(TEMPERATURE, [0x64, 0x00]);
    await waitFor('both have come', () => texts().includes('{"temperature":1}'));
    expect(texts().filter((text) => text.includes('temperature'))).toEqual([
      ...['{"temperature":21.5}', '{"temperature":-2.56}', '{"temperature":1}'],
    ]);
  });

  it('tries again what cannot be stored at present, and counts what is lost', async () => {
    await bluetooth.start();
    await waitFor('it was read once', () => texts().includes('{"temperature":21.5}'));
    let refusals = 2;
    record.hold(async () => {
      refusals -= 1;
      if (refusals >= 0) throw new AegisError('UNAVAILABLE', 'later.');
    });
    bluez.set(TEMPERATURE, [0x64, 0x00]);
    await waitFor('it is stored at last', () => texts().includes('{"temperature":1}'));
    record.hold(() => Promise.reject(new Error('broken')));
    bluez.set(TEMPERATURE, [0xc8, 0x00]);
    const lost = /aegis_devices_bluetooth_lost_total\{cause="failed"\} [1-9]/;
    await waitFor('the loss is counted', async () => lost.test(await metrics.metrics()));
  });

  it('reads what does not tell of changes now and then, and when it is asked for', async () => {
    await bluetooth.start();
    const session = await waitFor('it is connected', () => record.sessions[0]);
    await waitFor('the battery is read', () => texts().includes('{"battery":97}'));
    bluez.set(LEVEL, [50]);
    await waitFor('it is read again', () => texts().includes('{"battery":50}'));
    bluez.set(LEVEL, [49]);
    await session.read?.(['battery'], NEVER);
    expect(texts()).toContain('{"battery":49}');
  });

  it('writes desired values and actions', async () => {
    await bluetooth.start();
    const session = await waitFor('it is connected', () => record.sessions[0]);
    const command = {
      kind: 'command',
      payload: 'envelope',
      expiresAt: new Date(Date.now() + 60_000),
    } as const;
    await session.send({ kind: 'desired', version: 1, desired: { interval: 300, other: true } }, NEVER);
    await session.send({ ...command, id: 'cmd_1', action: 'identify', input: { seconds: 5 } }, NEVER);
    expect(await session.send({ ...command, id: 'cmd_2', action: 'reset', input: null }, NEVER)).toBe(
      'DELIVERED',
    );
    await session.send({ ...command, id: 'cmd_3', action: 'identify', input: { seconds: 256 } }, NEVER);
    expect(bluez.written).toEqual([
      `${CONTROL} request 2c01`,
      `${CONTROL} request 05`,
      `${CONTROL} request ff01`,
    ]);
    expect(record.messages).toEqual([
      'report dev_1 {"interval":300}',
      'answer cmd_1 dev_1 {"state":"EXECUTED"}',
      'answer cmd_2 dev_1 {"state":"EXECUTED"}',
      expect.stringContaining('"FAILED"'),
    ]);
  });

  it('connects again when the connection was lost', async () => {
    await bluetooth.start();
    await waitFor('it is to be told', () => bluez.isNotifying(TEMPERATURE));
    bluez.refuse(true);
    bluez.drop(ADDRESS);
    await waitFor('it is not connected', () => record.sessions.length === 0);
    expect(record.ended).toEqual(['the connection is lost']);
    bluez.refuse(false);
    await waitFor('it is again', () => record.sessions.length === 1);
    expect(bluez.connects).toHaveLength(2);
  });

  it('lists what is near by, and looks for the services of its profiles every other time', async () => {
    await bluetooth.start();
    await waitFor('both are seen', () => bluetooth.listSeen().length === 2);
    expect(bluetooth.listSeen().find(({ address }) => address === OTHER.address)).toMatchObject({
      ...{ name: 'other', rssi: -60, services: [] },
    });
    await waitFor('it has looked twice', () => bluez.filters.length >= 2);
    expect(bluez.filters.slice(0, 2)).toEqual([[], [SENSING, BATTERY, CONTROL]]);
  });

  it('lets go of its device when it closes', async () => {
    await bluetooth.start();
    await waitFor('it is connected', () => record.sessions.length === 1);
    await bluetooth.close();
    expect(bluez.isConnected(ADDRESS)).toBe(false);
    expect(bluez.isScanning()).toBe(false);
    expect(record.ended).toEqual(['it is not called on any more']);
  });

  it('is down without BlueZ, says so, and finds it when it comes', async () => {
    await bluetooth.start();
    await waitFor('it is connected', () => record.sessions.length === 1);
    bluez.close();
    await waitFor('it is down', () => bluetooth.health().state === 'DOWN');
    expect(record.sessions).toEqual([]);
    await waitFor('it says why', () => JSON.stringify(bluetooth.health()).includes('BlueZ does not run'));
    bluez = await startFakeBlueZ(bus.address, [SENSOR]);
    await waitFor('it is connected again', () => record.sessions.length === 1);
    expect(bluetooth.health()).toEqual({ state: 'UP' });
  });

  it('is down without the adapter that it is told to use', async () => {
    const other = open(bus.address, 'hci7');
    await other.start();
    await waitFor('it says why', () => JSON.stringify(other.health()).includes('no Bluetooth adapter hci7'));
    await other.close();
  });
});

describe('Bluetooth without D-Bus', () => {
  it('is down, says so, and closes', async () => {
    const { deps } = recordProtocol();
    const bluetooth = createBluetooth({
      ...{ ...deps, metrics: createMetrics() },
      ...{ workspaces: [], dbusAddress: 'unix:path=/nowhere/bus', adapter: undefined, retryMs: 20 },
      endpoints: { list: async () => [], onChange: () => () => undefined },
      profileOf: async () => undefined,
    });
    await bluetooth.start();
    await waitFor('it says why', () =>
      JSON.stringify(bluetooth.health()).includes('D-Bus does not answer at unix:path=/nowhere/bus'),
    );
    await bluetooth.close();
  });
});

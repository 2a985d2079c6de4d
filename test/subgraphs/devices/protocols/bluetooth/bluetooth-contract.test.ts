import { startFakeBlueZ, type FakeBlueZ } from '../../../../support/bluez/fake-bluez.js';
import { startPrivateBus } from '../../../../support/bluez/private-bus.js';
import { waitFor } from '../../../../support/wait-for.js';
import { GATT, GATT_UNKNOWN } from '../contract/contract-profile.js';
import type { ContractPeer, PeerOptions } from '../contract/contract-protocol.js';
import { setEndpoint } from '../contract/set-endpoint.js';
import { describeProtocol } from '../protocol-contract.js';

const ADDRESS = 'AA:BB:CC:DD:EE:01';
const PERIPHERAL = {
  ...{ address: ADDRESS, name: 'sensor' },
  services: {
    [GATT.service]: {
      [GATT.temperature]: { flags: ['read', 'notify'], value: toBytes(GATT_UNKNOWN) },
      [GATT.interval]: { flags: ['write'], value: [0, 0] },
      [GATT.identify]: { flags: ['write'], value: [0] },
    },
  },
};

/** A number as the two bytes of a characteristic. */
function toBytes(number: number): readonly number[] {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16LE(number);
  return [...bytes];
}

/** A peripheral near by, which tells of its temperature in hundredths of a degree. */
async function openPeer(bluez: FakeBlueZ, options: PeerOptions): Promise<ContractPeer> {
  const before = bluez.written.length;
  const writes = (characteristic: string) =>
    bluez.written
      .slice(before)
      .map((line) => line.split(' '))
      .filter(([uuid]) => uuid === characteristic)
      .map(([, , hex = '']) => Buffer.from(hex, 'hex'));
  const readBefore = bluez.reads.length;
  bluez.refuse(false);
  bluez.silence(false);
  bluez.put(GATT.temperature, toBytes(GATT_UNKNOWN));
  await setEndpoint(options, `ble:${ADDRESS}`);
  await waitFor('it is to be told of changes', () => bluez.isNotifying(GATT.temperature));
  return {
    send(_device, readings) {
      bluez.set(GATT.temperature, toBytes((readings.at(-1)?.value ?? 0) * 100));
      return Promise.resolve('taken');
    },
    // It is read once when it is connected, whoever asks.
    listen: () => waitFor('it was read', () => bluez.reads.length > readBefore).then(() => undefined),
    commands: () =>
      writes(GATT.identify).map((bytes) => ({ action: 'identify', input: { seconds: bytes.readUInt8() } })),
    execute: () => Promise.resolve(),
    intervals: () => writes(GATT.interval).map((bytes) => bytes.readUInt16LE()),
    report: () => Promise.resolve(),
    measures(value) {
      bluez.silence(value === undefined);
      if (value !== undefined) bluez.put(GATT.temperature, toBytes(value * 100));
    },
    questions: () => bluez.reads.length - readBefore,
    async close() {
      bluez.refuse(true);
      bluez.drop(ADDRESS);
    },
  };
}

let bluez: FakeBlueZ;
describeProtocol({
  name: 'Bluetooth',
  kind: 'BLUETOOTH',
  programs: ['dbus-daemon'],
  async open() {
    const bus = await startPrivateBus();
    bluez = await startFakeBlueZ(bus.address, [PERIPHERAL]);
    return {
      env: { AEGIS_BLUETOOTH: 'on', AEGIS_DBUS_ADDRESS: bus.address },
      async close() {
        bluez.close();
        await bus.close();
      },
    };
  },
  connect: (options) => openPeer(bluez, options),
  ...{ admits: 'NOBODY', delivers: 'NEWEST', payload: 'BARE', acknowledges: 'NOTHING' },
  ...{ commands: 'INPUT', commandReaches: 'EXECUTED', goodbye: 'SEEN' },
});

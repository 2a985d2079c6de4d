import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { ReachedDevice } from '../../endpoints/endpoints.js';
import type { Endpoint } from '../../endpoints/endpoint.js';
import type { Delivery, Downlink } from '../../sessions/session.js';
import type { Uplink } from '../protocol.js';
import type { BluetoothMapping, MappedCharacteristic } from './bluetooth-mapping.js';
import type { BlueZ, Characteristic } from './bluez.js';
import { readGattValue, writeGattValue, type GattField } from './gatt-value.js';

/** A device that is a peripheral of Bluetooth. */
export type BluetoothDevice = ReachedDevice<Extract<Endpoint, { kind: 'ble' }>>;

/** A characteristic of a connected device, with all values that are in it. */
export interface MappedGroup {
  readonly uuid: string;
  readonly characteristic: Characteristic;
  readonly values: readonly MappedCharacteristic[];
}

/** A connected device. */
export interface GattDevice {
  readonly groups: readonly MappedGroup[];
  /** Reads the characteristics of properties, and hands them on. */
  read(metrics: readonly string[], signal: AbortSignal): Promise<void>;
  /** Hands on what a characteristic holds. Errors: those of ingestion; BAD_USER_INPUT when it does not fit its format. */
  take(group: MappedGroup, bytes: Buffer): Promise<void>;
  /** Errors: those of BlueZ. */
  send(downlink: Downlink, signal: AbortSignal): Promise<Delivery>;
}

export interface GattDeviceDeps {
  readonly device: BluetoothDevice;
  readonly mapping: BluetoothMapping;
  /** Its path. */
  readonly peripheral: string;
  readonly bluez: BlueZ;
  readonly uplink: Uplink;
}

/** Makes it, once the services of the peripheral are known. */
export function createGattDevice(deps: GattDeviceDeps): GattDevice {
  const { device, bluez, uplink } = deps;
  const { workspace, deviceId } = device;
  const groups = groupCharacteristics(deps);

  async function take({ uuid, values }: MappedGroup, bytes: Buffer): Promise<void> {
    const entries = values.flatMap((value) => {
      const read = readGattValue(bytes, value);
      return read === undefined ? [] : [[value.property, read] as const];
    });
    if (entries.length === 0) return;
    await uplink.telemetry({
      ...{ workspace, device: deviceId, whenFull: 'wait', protocol: 'BLUETOOTH', source: `ble ${uuid}` },
      payload: Buffer.from(JSON.stringify(Object.fromEntries(entries))),
      contentType: 'application/json',
    });
  }

  return {
    groups,
    take,
    async read(metrics, signal) {
      const wanted = groups.filter(({ values }) => values.some(({ property }) => metrics.includes(property)));
      if (wanted.length === 0) throw nothingToRead(metrics);
      for (const group of wanted) await take(group, await bluez.read(group.characteristic.path, signal));
    },
    send: (downlink, signal) =>
      downlink.kind === 'command' ? sendCommand(downlink, deps, signal) : sendDesired(downlink, deps, signal),
  };
}

/** Values that are in one characteristic are read together. Characteristics that the device does not have are left out. */
function groupCharacteristics({ mapping, peripheral, bluez }: GattDeviceDeps): MappedGroup[] {
  const byPlace = new Map<string, MappedCharacteristic[]>();
  for (const value of mapping.characteristics) {
    const key = `${value.service} ${value.characteristic}`;
    byPlace.set(key, [...(byPlace.get(key) ?? []), value]);
  }
  return [...byPlace.values()].flatMap((values) => {
    const [first] = values;
    if (!first) return [];
    const characteristic = bluez.findCharacteristic(peripheral, first.service, first.characteristic);
    return characteristic ? [{ uuid: first.characteristic, characteristic, values }] : [];
  });
}

/**
 * A peripheral has no answer to a command but that it took the write: EXECUTED, and where it does not even tell that, SENT
 * is the last that is known.
 */
async function sendCommand(
  { id, action, input }: Extract<Downlink, { kind: 'command' }>,
  deps: GattDeviceDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  const { workspace, deviceId } = deps.device;
  const answer = (outcome: unknown) => {
    const payload = Buffer.from(JSON.stringify(outcome));
    return deps.uplink.answer({ workspace, device: deviceId, commandId: id, payload });
  };
  const place = deps.mapping.actions[action];
  if (!place) {
    await answer({ state: 'FAILED', error: `its profile does not tell what is written for ${action}` });
    return 'DELIVERED';
  }
  try {
    const bytes =
      place.value === undefined
        ? writeGattValue(fieldOf(input, place.field), place)
        : Buffer.from(place.value, 'hex');
    const delivery = await write(place, bytes, deps, signal);
    if (delivery === 'DELIVERED') await answer({ state: 'EXECUTED' });
    return delivery;
  } catch (error) {
    if (!(error instanceof AegisError) || error.code !== 'BAD_USER_INPUT') throw error;
    await answer({ state: 'FAILED', error: error.message });
    return 'DELIVERED';
  }
}

async function sendDesired(
  { desired }: Extract<Downlink, { kind: 'desired' }>,
  deps: GattDeviceDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  const reported: Record<string, unknown> = {};
  let delivery: Delivery = 'DELIVERED';
  for (const [property, value] of Object.entries(desired)) {
    const place = deps.mapping.characteristics.find((one) => one.write && one.property === property);
    // What is not written over Bluetooth is none of this device's doing.
    if (!place) continue;
    const how = await write(place, writeGattValue(value, place), deps, signal);
    if (how === 'SENT') delivery = how;
    else reported[property] = value;
  }
  if (Object.keys(reported).length > 0) {
    const { workspace, deviceId } = deps.device;
    const payload = Buffer.from(JSON.stringify(reported));
    await deps.uplink.report({ workspace, device: deviceId, payload });
  }
  return delivery;
}

interface Place extends GattField {
  readonly service: string;
  readonly characteristic: string;
}

async function write(
  { service, characteristic }: Place,
  bytes: Buffer,
  { bluez, peripheral }: GattDeviceDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  const found = bluez.findCharacteristic(peripheral, service, characteristic);
  if (!found)
    throw new AegisError('BAD_USER_INPUT', `Bluetooth: the device has no characteristic ${characteristic}.`);
  const isConfirmed = found.flags.includes('write');
  await bluez.write(found.path, bytes, isConfirmed ? 'request' : 'command', signal);
  return isConfirmed ? 'DELIVERED' : 'SENT';
}

function fieldOf(input: unknown, field: string | undefined): unknown {
  if (field === undefined) return input;
  return typeof input === 'object' && input !== null
    ? (input as Readonly<Record<string, unknown>>)[field]
    : undefined;
}

function nothingToRead(metrics: readonly string[]): AegisError {
  return new AegisError(
    'BAD_USER_INPUT',
    `source: expected TWIN for ${metrics.join(', ')}, as the device has no characteristic from which its profile reads it.`,
  );
}

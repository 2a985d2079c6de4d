import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { openDBus, wrap, type DBusCall, type DBusConnection, type DBusSignal } from './dbus.js';
import { createObjectTree, type ObjectTree, type Properties } from './object-tree.js';

/** A peripheral as BlueZ knows it. */
export interface Peripheral {
  readonly path: string;
  /** In upper case. */
  readonly address: string;
  readonly name: string | undefined;
  /** In dBm. */
  readonly rssi: number | undefined;
  /** In lower case. */
  readonly services: readonly string[];
  readonly isConnected: boolean;
  /** Whether its characteristics are known. */
  readonly isResolved: boolean;
}

/** A characteristic of a peripheral. */
export interface Characteristic {
  readonly path: string;
  /** Such as `read`, `notify`, `write`. */
  readonly flags: readonly string[];
}

/** BlueZ, the Bluetooth stack of Linux, with one of its adapters. Source: doc/ of BlueZ, org.bluez.*. */
export interface BlueZ {
  peripherals(): Peripheral[];
  find(address: string): Peripheral | undefined;
  findCharacteristic(peripheral: string, service: string, characteristic: string): Characteristic | undefined;
  /** Looks for peripherals, all of them when no services are given, until the signal is aborted. */
  scan(services: readonly string[], signal: AbortSignal): Promise<void>;
  connect(peripheral: string, signal: AbortSignal): Promise<void>;
  disconnect(peripheral: string): Promise<void>;
  read(characteristic: string, signal: AbortSignal): Promise<Buffer>;
  write(
    characteristic: string,
    value: Buffer,
    how: 'request' | 'command',
    signal: AbortSignal,
  ): Promise<void>;
  /** Has a characteristic told when it changes. The returned function ends it. */
  follow(
    characteristic: string,
    onValue: (value: Buffer) => void,
    signal: AbortSignal,
  ): Promise<() => Promise<void>>;
  /** Told when anything has changed. The returned function ends it. */
  onChange(listener: () => void): () => void;
  /** Whether it still answers. Errors: those of a call. */
  ping(): Promise<void>;
  close(): void;
}

export interface OpenBlueZOptions {
  /** Of the system bus. */
  readonly address: string;
  /** Such as `hci0`; the first when undefined. */
  readonly adapter: string | undefined;
  /** D-Bus or BlueZ is gone. */
  readonly onLost: (reason: string) => void;
}

const BLUEZ = 'org.bluez';
const DBUS = 'org.freedesktop.DBus';
const MANAGER = 'org.freedesktop.DBus.ObjectManager';
const ADAPTER = 'org.bluez.Adapter1';
const DEVICE = 'org.bluez.Device1';
const SERVICE = 'org.bluez.GattService1';
const CHARACTERISTIC = 'org.bluez.GattCharacteristic1';
const MATCHES = [
  `type='signal',sender='${BLUEZ}'`,
  `type='signal',sender='${DBUS}',member='NameOwnerChanged',arg0='${BLUEZ}'`,
];

/** Opens it. Errors: UNAVAILABLE without D-Bus, BlueZ, or an adapter that is switched on. */
export async function openBlueZ({ address, adapter, onLost }: OpenBlueZOptions): Promise<BlueZ> {
  const tree = createObjectTree();
  const connection = await openDBus({
    address,
    onSignal(signal) {
      if (isGone(signal)) onLost('BlueZ has stopped');
      else tree.take(signal);
    },
    onError(error) {
      onLost(`D-Bus: ${error.message}`);
    },
  });
  try {
    for (const match of MATCHES) {
      await connection.call({
        ...{ destination: DBUS, path: '/org/freedesktop/DBus', interface: DBUS },
        ...{ member: 'AddMatch', signature: 's', body: [match] },
      });
    }
    const [objects] = await connection
      .call({ destination: BLUEZ, path: '/', interface: MANAGER, member: 'GetManagedObjects' })
      .catch((error: unknown) => {
        throw new AegisError('UNAVAILABLE', 'BlueZ does not run: start its service, bluetooth.', {
          cause: error,
        });
      });
    tree.fill(objects);
    return createBlueZ(connection, tree, await chooseAdapter(connection, tree, adapter));
  } catch (error) {
    connection.close();
    throw error;
  }
}

function isGone({ interface: name, member, body }: DBusSignal): boolean {
  return name === DBUS && member === 'NameOwnerChanged' && body[0] === BLUEZ && body[2] === '';
}

/** The path of the adapter, switched on. */
async function chooseAdapter(
  connection: DBusConnection,
  tree: ObjectTree,
  wanted: string | undefined,
): Promise<string> {
  const paths = tree.list(ADAPTER).map(([path]) => path);
  const found = wanted === undefined ? paths.sort()[0] : paths.find((path) => path.endsWith(`/${wanted}`));
  if (found === undefined) {
    throw new AegisError(
      'UNAVAILABLE',
      `There is no Bluetooth adapter${wanted === undefined ? '' : ` ${wanted}`}.`,
    );
  }
  if (tree.get(found, ADAPTER)?.['Powered'] !== true) {
    await connection
      .call({
        ...{ destination: BLUEZ, path: found, interface: 'org.freedesktop.DBus.Properties', member: 'Set' },
        ...{ signature: 'ssv', body: [ADAPTER, 'Powered', wrap('b', true)] },
      })
      .catch((error: unknown) => {
        throw new AegisError(
          'UNAVAILABLE',
          'The Bluetooth adapter is switched off, and could not be switched on.',
          {
            cause: error,
          },
        );
      });
  }
  return found;
}

function createBlueZ(connection: DBusConnection, tree: ObjectTree, adapter: string): BlueZ {
  const call = (
    path: string,
    name: string,
    member: string,
    more: Partial<DBusCall> = {},
    signal?: AbortSignal,
  ) => connection.call({ destination: BLUEZ, path, interface: name, member, ...more }, signal);

  function peripherals(): Peripheral[] {
    return tree
      .list(DEVICE)
      .filter(([path]) => path.startsWith(`${adapter}/`))
      .map(([path, properties]) => toPeripheral(path, properties));
  }

  return {
    peripherals,
    find: (address) => peripherals().find((one) => one.address === address),
    findCharacteristic(peripheral, service, characteristic) {
      const found = tree.list(CHARACTERISTIC).find(([path, { UUID, Service }]) => {
        if (!path.startsWith(`${peripheral}/`) || !isUuid(UUID, characteristic)) return false;
        return typeof Service === 'string' && isUuid(tree.get(Service, SERVICE)?.['UUID'], service);
      });
      return found && { path: found[0], flags: toTexts(found[1]['Flags']) };
    },
    async scan(services, signal) {
      const filter = {
        Transport: wrap('s', 'le'),
        ...(services.length > 0 ? { UUIDs: wrap('as', services) } : {}),
      };
      await call(adapter, ADAPTER, 'SetDiscoveryFilter', { signature: 'a{sv}', body: [filter] }, signal);
      await call(adapter, ADAPTER, 'StartDiscovery', {}, signal);
      await aborted(signal);
      await call(adapter, ADAPTER, 'StopDiscovery');
    },
    async connect(peripheral, signal) {
      await call(peripheral, DEVICE, 'Connect', {}, signal);
    },
    async disconnect(peripheral) {
      await call(peripheral, DEVICE, 'Disconnect');
    },
    async read(characteristic, signal) {
      const [value] = await call(
        characteristic,
        CHARACTERISTIC,
        'ReadValue',
        { signature: 'a{sv}', body: [{}] },
        signal,
      );
      return toBuffer(value);
    },
    async write(characteristic, value, how, signal) {
      const body = [value, { type: wrap('s', how) }];
      await call(characteristic, CHARACTERISTIC, 'WriteValue', { signature: 'aya{sv}', body }, signal);
    },
    async follow(characteristic, onValue, signal) {
      const stop = tree.onValue(characteristic, CHARACTERISTIC, 'Value', (value) => {
        onValue(toBuffer(value));
      });
      try {
        await call(characteristic, CHARACTERISTIC, 'StartNotify', {}, signal);
      } catch (error) {
        stop();
        throw error;
      }
      return async () => {
        stop();
        await call(characteristic, CHARACTERISTIC, 'StopNotify');
      };
    },
    onChange: tree.onChange,
    async ping() {
      await connection.call({
        ...{ destination: DBUS, path: '/org/freedesktop/DBus', interface: DBUS, member: 'GetId' },
      });
    },
    close: connection.close,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function toPeripheral(path: string, properties: Properties): Peripheral {
  const { Address, Name, Alias, RSSI, UUIDs, Connected, ServicesResolved } = properties;
  const name = [Name, Alias].find((text) => typeof text === 'string');
  return {
    ...{ path, name },
    address: typeof Address === 'string' ? Address.toUpperCase() : '',
    rssi: typeof RSSI === 'number' ? RSSI : undefined,
    services: toTexts(UUIDs).map((uuid) => uuid.toLowerCase()),
    isConnected: Connected === true,
    isResolved: ServicesResolved === true,
  };
}

function isUuid(given: unknown, wanted: string): boolean {
  return typeof given === 'string' && given.toLowerCase() === wanted;
}

function toTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function toBuffer(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  return Buffer.from(Array.isArray(value) ? value.filter((one) => typeof one === 'number') : []);
}

import { once, type EventEmitter } from 'node:events';
import { Message, sessionBus, Variant } from '@jellybrick/dbus-next';

/** A peripheral that the fake has near by. */
export interface FakePeripheral {
  /** Such as `AA:BB:CC:DD:EE:01`. */
  readonly address: string;
  readonly name: string;
  /** By the UUID of a service, its characteristics by their UUID. */
  readonly services: Readonly<Record<string, Readonly<Record<string, FakeCharacteristic>>>>;
}

export interface FakeCharacteristic {
  readonly flags: readonly string[];
  readonly value: readonly number[];
}

/** An `org.bluez` with one adapter on a bus of the tests. */
export interface FakeBlueZ {
  /** Writes as `<UUID> <type> <hex>`. */
  readonly written: readonly string[];
  /** Filters of scans, as the UUIDs that were asked for. */
  readonly filters: readonly (readonly string[])[];
  readonly connects: readonly string[];
  /** The characteristics that were read, each by its UUID. */
  readonly reads: readonly string[];
  isScanning(): boolean;
  isConnected(address: string): boolean;
  isNotifying(characteristic: string): boolean;
  /** Sets the value of a characteristic, and tells it to who is to be told. */
  set(characteristic: string, value: readonly number[]): void;
  /** Sets the value of a characteristic, and tells nobody. */
  put(characteristic: string, value: readonly number[]): void;
  /** Ends a connection, as when the peripheral goes out of reach. */
  drop(address: string): void;
  /** Makes connections fail from now on, or work again. */
  refuse(isRefusing: boolean): void;
  /** Lets reads unanswered from now on, or answers them again. */
  silence(isSilent: boolean): void;
  close(): void;
}

type Properties = Record<string, unknown>;
type Interfaces = Record<string, Properties>;

const ADAPTER = '/org/bluez/hci0';
const SIGNATURES: Readonly<Record<string, string>> = {
  ...{ Address: 's', Name: 's', Alias: 's', RSSI: 'n', UUIDs: 'as', Connected: 'b', ServicesResolved: 'b' },
  ...{
    Adapter: 'o',
    Powered: 'b',
    Discovering: 'b',
    UUID: 's',
    Service: 'o',
    Device: 'o',
    Flags: 'as',
    Value: 'ay',
  },
  Notifying: 'b',
};

/** Starts it. Peripherals are there once somebody scans, and their characteristics once they are connected. */
export async function startFakeBlueZ(
  address: string,
  peripherals: readonly FakePeripheral[],
): Promise<FakeBlueZ> {
  const bus = sessionBus({ busAddress: address });
  await once(bus, 'connect');
  // Calls that come after it has closed cannot be answered. The types of the library leave its errors out.
  (bus as unknown as EventEmitter).on('error', () => undefined);
  const objects = new Map<string, Interfaces>([
    [ADAPTER, { 'org.bluez.Adapter1': { Address: '00:00:00:00:00:01', Powered: false, Discovering: false } }],
  ]);
  const written: string[] = [];
  const filters: string[][] = [];
  const connects: string[] = [];
  const reads: string[] = [];
  let isRefusing = false;
  let isSilent = false;

  const wrapAll = (properties: Properties) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [
        name,
        new Variant(
          SIGNATURES[name] ?? 's',
          SIGNATURES[name] === 'ay' ? Buffer.from(value as number[]) : value,
        ),
      ]),
    );
  const wrapInterfaces = (interfaces: Interfaces) =>
    Object.fromEntries(Object.entries(interfaces).map(([name, properties]) => [name, wrapAll(properties)]));
  const tell = (path: string, name: string, member: string, signature: string, body: unknown[]) => {
    bus.send(Message.newSignal(path, name, member, signature, body));
  };

  function add(path: string, interfaces: Interfaces): void {
    if (objects.has(path)) return;
    objects.set(path, interfaces);
    tell('/', 'org.freedesktop.DBus.ObjectManager', 'InterfacesAdded', 'oa{sa{sv}}', [
      path,
      wrapInterfaces(interfaces),
    ]);
  }

  function change(path: string, name: string, properties: Properties): void {
    Object.assign(objects.get(path)?.[name] ?? {}, properties);
    tell(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as', [
      name,
      wrapAll(properties),
      [],
    ]);
  }

  function announce(): void {
    for (const { address: at, name, services } of peripherals) {
      const properties = { Address: at, Name: name, Alias: name, RSSI: -60, UUIDs: Object.keys(services) };
      add(pathOf(at), {
        'org.bluez.Device1': { ...properties, Adapter: ADAPTER, Connected: false, ServicesResolved: false },
      });
    }
  }

  function connect(path: string): void {
    const found = peripherals.find((one) => pathOf(one.address) === path);
    if (!found) return;
    connects.push(found.address);
    change(path, 'org.bluez.Device1', { Connected: true });
    let number = 0;
    for (const [uuid, characteristics] of Object.entries(found.services)) {
      const service = `${path}/service${(number += 1)}`;
      add(service, { 'org.bluez.GattService1': { UUID: uuid, Device: path } });
      for (const [one, { flags, value }] of Object.entries(characteristics)) {
        add(`${service}/char${(number += 1)}`, {
          'org.bluez.GattCharacteristic1': {
            UUID: one,
            Service: service,
            Flags: flags,
            Value: value,
            Notifying: false,
          },
        });
      }
    }
    change(path, 'org.bluez.Device1', { ServicesResolved: true });
  }

  const methods: Readonly<
    Record<string, (message: Message) => { signature?: string; body?: unknown[] } | string | undefined>
  > = {
    GetManagedObjects: () => ({
      signature: 'a{oa{sa{sv}}}',
      body: [
        Object.fromEntries([...objects].map(([path, interfaces]) => [path, wrapInterfaces(interfaces)])),
      ],
    }),
    Set({ path, body: [name, property, value] }) {
      change(path, String(name), { [String(property)]: (value as Variant).value });
      return {};
    },
    SetDiscoveryFilter({ body: [filter] }) {
      filters.push((filter as { UUIDs?: Variant<string[]> }).UUIDs?.value ?? []);
      return {};
    },
    StartDiscovery({ path }) {
      change(path, 'org.bluez.Adapter1', { Discovering: true });
      announce();
      return {};
    },
    StopDiscovery({ path }) {
      change(path, 'org.bluez.Adapter1', { Discovering: false });
      return {};
    },
    Connect({ path }) {
      if (isRefusing) return 'org.bluez.Error.Failed';
      connect(path);
      return {};
    },
    Disconnect({ path }) {
      change(path, 'org.bluez.Device1', { Connected: false, ServicesResolved: false });
      return {};
    },
    ReadValue({ path }) {
      const { UUID, Value } = objects.get(path)?.['org.bluez.GattCharacteristic1'] ?? {};
      reads.push(String(UUID));
      if (isSilent) return undefined;
      return { signature: 'ay', body: [Buffer.from(Value as number[])] };
    },
    WriteValue({ path, body: [value, options] }) {
      const { UUID } = objects.get(path)?.['org.bluez.GattCharacteristic1'] ?? {};
      const { type } = options as { type?: Variant<string> };
      written.push(`${String(UUID)} ${type?.value ?? ''} ${Buffer.from(value as Buffer).toString('hex')}`);
      return {};
    },
    StartNotify({ path }) {
      change(path, 'org.bluez.GattCharacteristic1', { Notifying: true });
      return {};
    },
    StopNotify({ path }) {
      change(path, 'org.bluez.GattCharacteristic1', { Notifying: false });
      return {};
    },
  };

  bus.addMethodHandler((message: Message) => {
    const method = methods[message.member];
    if (!method) return false;
    const answer = method(message);
    if (answer === undefined) return true;
    if (typeof answer === 'string') bus.send(Message.newError(message, answer, 'it does not work now'));
    else bus.send(Message.newMethodReturn(message, answer.signature ?? '', answer.body ?? []));
    return true;
  });
  await bus.requestName('org.bluez', 0);

  const findCharacteristic = (uuid: string) =>
    [...objects].find(([, interfaces]) => interfaces['org.bluez.GattCharacteristic1']?.['UUID'] === uuid);
  return {
    ...{ written, filters, connects, reads },
    isScanning: () => objects.get(ADAPTER)?.['org.bluez.Adapter1']?.['Discovering'] === true,
    isConnected: (at) => objects.get(pathOf(at))?.['org.bluez.Device1']?.['Connected'] === true,
    isNotifying: (uuid) =>
      findCharacteristic(uuid)?.[1]['org.bluez.GattCharacteristic1']?.['Notifying'] === true,
    set(uuid, value) {
      const [path, interfaces] = findCharacteristic(uuid) ?? [];
      if (path === undefined || !interfaces) throw new Error(`there is no characteristic ${uuid}`);
      if (interfaces['org.bluez.GattCharacteristic1']?.['Notifying'] === true)
        change(path, 'org.bluez.GattCharacteristic1', { Value: value });
      else Object.assign(interfaces['org.bluez.GattCharacteristic1'] ?? {}, { Value: value });
    },
    put(uuid, value) {
      Object.assign(findCharacteristic(uuid)?.[1]['org.bluez.GattCharacteristic1'] ?? {}, { Value: value });
    },
    drop(at) {
      change(pathOf(at), 'org.bluez.Device1', { Connected: false, ServicesResolved: false });
    },
    refuse(next) {
      isRefusing = next;
    },
    silence(next) {
      isSilent = next;
    },
    close() {
      bus.disconnect();
    },
  };
}

function pathOf(address: string): string {
  return `${ADAPTER}/dev_${address.replaceAll(':', '_')}`;
}

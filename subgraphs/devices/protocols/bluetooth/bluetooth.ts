import { Counter } from 'prom-client';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createRejectionLog } from '../../../../kernel/messaging/rejection.js';
import type { Metrics } from '../../../../kernel/telemetry/metrics.js';
import type { Endpoints } from '../../endpoints/endpoints.js';
import type { Profile } from '../../profiles/profile.js';
import { createCallers } from '../callers.js';
import { createLanes } from '../coap/lanes.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { parseBluetoothMapping } from './bluetooth-mapping.js';
import type { BluetoothDevice } from './gatt-device.js';
import { followPeripheral } from './gatt-follower.js';
import type { LossCause } from './gatt-queue.js';
import { createRadio } from './radio.js';
import { createScanner, type SeenPeripheral } from './scanner.js';

export interface BluetoothDeps extends Omit<ProtocolDeps, 'admit' | 'maxPayloadBytes'> {
  readonly workspaces: readonly WorkspaceId[];
  readonly endpoints: Pick<Endpoints, 'list' | 'onChange'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly metrics: Metrics;
  /** Of the system bus, such as `unix:path=/run/dbus/system_bus_socket`. */
  readonly dbusAddress: string;
  /** Such as `hci0`; the first when undefined. */
  readonly adapter: string | undefined;
  /** How often BlueZ is tried to be found, how often it is asked, and how long is waited after a failure, in milliseconds. */
  readonly retryMs?: number;
  readonly pingMs?: number;
  readonly backoffMs?: number;
  /** See the scanner's own options. */
  readonly scanMs?: number;
  readonly restMs?: number;
}

/** Bluetooth, and what it has seen near by. */
export interface Bluetooth extends Protocol {
  /** What was seen of late, registered or not. */
  listSeen(): SeenPeripheral[];
}

/** How many devices may wait for their connection. */
const MAX_CONNECTING = 10_000;

/**
 * Makes the protocol for peripherals of Bluetooth Low Energy, by BlueZ over D-Bus: devices with an endpoint `ble:…` are
 * connected, read and followed by the part `bluetooth` of their profile. Without D-Bus, BlueZ or an adapter it is DOWN, says
 * so, and tries again.
 */
export function createBluetooth(deps: BluetoothDeps): Bluetooth {
  const { workspaces, endpoints, logger, dbusAddress: address } = deps;
  /** Services of the devices that are called on, by device. */
  const services = new Map<string, readonly string[]>();
  const scanner = createScanner({
    ...deps,
    services: () => [...new Set([...services.values()].flat())],
    onError: (error) => {
      logger.debug({ err: error }, 'could not look for what is near by');
    },
  });
  const radio = createRadio({ ...deps, address, onOpen: scanner.run });
  const logRejection = createRejectionLog(logger);
  const lost = new Counter({
    name: 'aegis_devices_bluetooth_lost_total',
    help: 'Values that devices told over Bluetooth and that were not stored: too many waited, or storing failed',
    labelNames: ['cause'],
    registers: [deps.metrics],
  });
  const countLost = (cause: LossCause) => {
    lost.inc({ cause });
  };
  const connecting = createLanes({
    capacity: MAX_CONNECTING,
    tooMany: () =>
      new AegisError('UNAVAILABLE', `Bluetooth: ${MAX_CONNECTING} devices wait to be connected.`),
  });
  const callers = createCallers<BluetoothDevice>({
    ...{ workspaces, logger, onChange: endpoints.onChange, what: 'Bluetooth' },
    list: (workspace) => endpoints.list(workspace, 'ble'),
    call: (device, signal) => call(device, signal),
  });

  async function call(device: BluetoothDevice, signal: AbortSignal): Promise<void> {
    const { workspace, deviceId } = device;
    const profile = await deps.profileOf(workspace, deviceId);
    const parsed = profile ? parseBluetoothMapping(profile) : { fault: 'it has no profile' };
    if ('fault' in parsed) throw new AegisError('BAD_USER_INPUT', `it cannot be read: ${parsed.fault}`);
    const { mapping } = parsed;
    services.set(deviceId, [...new Set(mapping.characteristics.map(({ service }) => service))]);
    try {
      await followPeripheral(
        { ...deps, device, mapping, radio, logRejection, countLost, connecting },
        signal,
      );
    } finally {
      services.delete(deviceId);
    }
  }

  return {
    name: 'Bluetooth LE by BlueZ',
    isOptional: true,
    url: () => undefined,
    listSeen: scanner.list,
    async start() {
      radio.start();
      await callers.start();
    },
    stopAccepting: () => callers.close(),
    async close() {
      await callers.close();
      await radio.close();
    },
    health: radio.health,
  };
}

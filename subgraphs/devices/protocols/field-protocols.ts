import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { DiscoveredDevice } from '../generated/schema-types.js';
import { createBluetooth, type Bluetooth, type BluetoothDeps } from './bluetooth/bluetooth.js';
import { createCoap, type CoapDeps } from './coap/coap.js';
import type { Protocol } from './protocol.js';
import { openShareDuty } from './share-duty.js';

export interface FieldProtocolsDeps extends Omit<CoapDeps, 'shareDuty' | 'endpoints'> {
  readonly database: Database;
  readonly endpoints: BluetoothDeps['endpoints'];
  readonly metrics: BluetoothDeps['metrics'];
}

/** The protocols by which devices are reached in the field: CoAP and Bluetooth. */
export interface FieldProtocols {
  readonly protocols: readonly Protocol[];
  /** What was seen near by and is not registered in a workspace, the strongest signal first. */
  findDiscovered(workspace: WorkspaceId): Promise<DiscoveredDevice[]>;
}

const DUTY = 'coap-client';

/** Makes them, as the settings want them. */
export function createFieldProtocols(deps: FieldProtocolsDeps): FieldProtocols {
  const bluetooth = openBluetooth(deps);
  // Of several processes on one database only one may call on a device.
  const shareDuty = openShareDuty({ ...deps, name: DUTY });
  return {
    protocols: [...createCoap({ ...deps, shareDuty }), ...(bluetooth ? [bluetooth] : [])],
    async findDiscovered(workspace) {
      if (!bluetooth) return [];
      const registered = await deps.endpoints.list(workspace, 'ble');
      const known = new Set(registered.map(({ endpoint }) => endpoint.address));
      return bluetooth
        .listSeen()
        .filter(({ address }) => !known.has(address))
        .sort((a, b) => (b.rssi ?? -Infinity) - (a.rssi ?? -Infinity))
        .map(({ address, name, rssi, services, seenAt }) => ({
          ...{ endpoint: `ble:${address}`, kind: 'BLUETOOTH' as const, services: [...services] },
          ...{ name: name ?? null, rssi: rssi ?? null, lastSeenAt: seenAt },
        }));
    },
  };
}

function openBluetooth({ doors, settings, ...deps }: FieldProtocolsDeps): Bluetooth | undefined {
  const { bluetooth, bluetoothAdapter: adapter, dbusAddress } = settings;
  if (bluetooth === 'on')
    return doors.add('BLUETOOTH', (metered) =>
      createBluetooth({ ...deps, ...metered, adapter, dbusAddress }),
    );
  doors.addUnused(
    'BLUETOOTH',
    'Bluetooth LE by BlueZ',
    'It is switched off: AEGIS_BLUETOOTH=on switches it on.',
  );
  return undefined;
}

import type { Database } from '../../../kernel/database/database.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { createDuty } from '../duties/duty.js';
import { createDutyRegistry } from '../duties/registry.js';
import type { DiscoveredDevice } from '../generated/schema-types.js';
import { createBluetooth, type Bluetooth, type BluetoothDeps } from './bluetooth/bluetooth.js';
import type { ShareDuty } from './callers.js';
import { createCoap, type CoapDeps } from './coap/coap.js';
import type { Protocol } from './protocol.js';

export interface FieldProtocolsDeps extends Omit<CoapDeps, 'shareDuty' | 'endpoints'> {
  readonly database: Database;
  readonly endpoints: BluetoothDeps['endpoints'];
}

/** The protocols by which devices are reached in the field: CoAP and Bluetooth. */
export interface FieldProtocols {
  readonly protocols: readonly Protocol[];
  /** What was seen near by and is not registered in a workspace, the strongest signal first. */
  findDiscovered(workspace: WorkspaceId): Promise<DiscoveredDevice[]>;
}

const DUTY = 'coap-client';
const LEASE_MS = 15_000;

/** Makes them, as the settings want them. */
export function createFieldProtocols(deps: FieldProtocolsDeps): FieldProtocols {
  const bluetooth = openBluetooth(deps);
  return {
    protocols: [...createCoap({ ...deps, shareDuty: openDuties(deps) }), ...(bluetooth ? [bluetooth] : [])],
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

/** Of several processes on one database only one may call on a device. An embedded database has only one. */
function openDuties({ database, logger }: FieldProtocolsDeps): ShareDuty | undefined {
  if (database.kind === 'embedded') return undefined;
  const registry = createDutyRegistry({ database, name: DUTY, holder: newId('prc'), leaseMs: LEASE_MS });
  return (workspace, perform) =>
    createDuty({
      ...{ workspace, logger, registry, name: DUTY, leaseMs: LEASE_MS },
      perform: (_place, signal) => perform(signal),
    });
}

import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { DevicesSettings } from '../config.js';
import { createEndpoints } from '../endpoints/endpoints.js';
import { createFleet } from '../fleet/fleet.js';
import { createSetDesired } from '../fleet/rollouts/set-desired.js';
import { createCodecs } from '../codecs/codecs.js';
import { createValueConversion } from '../profiles/convert-value.js';
import { createProfiles } from '../profiles/profiles.js';
import { createKnownDevices } from '../readings/known-devices.js';
import { createOwnRetention } from '../readings/own-retention.js';
import { createReadings } from '../readings/readings.js';
import { createDeviceRegistry } from '../registry.js';

/** What is known of devices: who they are, what they measured, and which of them are meant. */
export type Inventory = ReturnType<typeof createInventory>;

export interface InventoryDeps extends SubgraphDeps {
  readonly settings: DevicesSettings;
  /** Sets what is desired of a device: rollouts tell devices by their twins. */
  readonly updateDesired: Parameters<typeof createSetDesired>[0];
}

/** Ties the rooms together that hold devices: registry, profiles, readings, fleet and endpoints. */
export function createInventory(deps: InventoryDeps) {
  const { database, log, logger, settings, updateDesired } = deps;
  const known = createKnownDevices({
    load: async (workspace, idOrName) =>
      profiles.complete(workspace, await registry.findKnown(workspace, idOrName)),
  });
  const forget: typeof known.forget = (workspace, device) => {
    known.forget(workspace, device);
    profiles.lookups.forget(workspace, device);
  };
  // The registry is made after what it tells of its changes.
  const profiles = createProfiles({ database, log, devices: () => registry });
  const codecs = createCodecs({ logger });
  const readings = createReadings({
    ...{ ...deps, settings },
    devices: known,
    decode: codecs.decode,
    convert: createValueConversion(profiles.units),
    ownRetention: createOwnRetention(database, (workspace, pins) => profiles.lookups.find(workspace, pins)),
  });
  const registry = createDeviceRegistry({
    ...{ database, log },
    onChange: forget,
    onRemoved: readings.onRemoved,
  });
  const fleet = createFleet({
    ...{ ...deps, registry, onChange: forget },
    ...{ profiles: profiles.lookups, units: profiles.units },
    setDesired: createSetDesired(updateDesired),
  });
  const endpoints = createEndpoints({ database, log, onChange: forget });
  return { known, forget, profiles, codecs, readings, registry, fleet, endpoints };
}

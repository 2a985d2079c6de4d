import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { findExpressionFault } from '../codecs/jsonata/find-expression-fault.js';
import type { KnownDevice } from '../readings/known-devices.js';
import type { DeviceRegistry, PinnedDevice } from '../registry.js';
import { createCatalogue } from './catalogue.js';
import { createProfileCheck } from './check-profile.js';
import { createDeviceProfiles, type DeviceProfiles } from './device-profiles.js';
import { createProfileMutations, type ProfileMutations } from './profile-mutations.js';
import { createProfilePages, type ProfilePages } from './profile-pages.js';
import { createProfileRegistry } from './registry.js';
import { createUnits, type Units } from './units.js';

/** All about profiles: their catalogue and their rows, what devices are pinned to, and the units of what they measure. */
export interface Profiles {
  readonly units: Units;
  readonly lookups: DeviceProfiles;
  readonly pages: ProfilePages;
  readonly mutations: ProfileMutations;
  /** Reads the catalogue. Errors: the first entry that is not right, by its name. */
  start(): Promise<void>;
  /** A device as ingestion knows it, with its profile. */
  complete(workspace: WorkspaceId, found: PinnedDevice | undefined): Promise<KnownDevice | undefined>;
}

export interface ProfilesDeps {
  readonly database: Database;
  readonly log: EventLog;
  /** Asked for only once it is there: the registry of devices is made after this. */
  readonly devices: () => DeviceRegistry;
}

/** Ties the parts of profiles together. */
export function createProfiles({ database, log, devices }: ProfilesDeps): Profiles {
  const units = createUnits();
  const check = createProfileCheck({ units, findExpressionFault });
  const catalogue = createCatalogue({ check });
  const registry = createProfileRegistry({ database, log });
  const lookups = createDeviceProfiles({
    ...{ registry, catalogue },
    findPins: (workspace, ids) => devices().findPins(workspace, ids),
  });
  return {
    ...{ units, lookups },
    pages: createProfilePages({ registry, catalogue }),
    mutations: createProfileMutations({
      ...{ registry, catalogue, check, profiles: lookups },
      devices: {
        findMetrics: (workspace, ids) => devices().findMetrics(workspace, ids),
        calibrate: (origin, id, calibration) => devices().calibrate(origin, id, calibration),
      },
    }),
    start: () => catalogue.load(),
    async complete(workspace, found) {
      if (!found?.pin) return found?.device;
      return { ...found.device, profile: await lookups.get(workspace, found.pin) };
    },
  };
}

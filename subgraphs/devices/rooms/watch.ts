import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import { createAlarms } from '../alarms/alarms.js';
import type { DevicesSettings } from '../config.js';
import { checkSelection } from '../fleet/selection/selection.js';
import { createFuseReadings } from '../fusion/fuse-readings.js';
import { createStandingFusions, type StandingFusionsDeps } from '../fusion/standing/standing-fusions.js';
import { readTracks } from '../readings/metric-tracks.js';
import type { Inventory } from './inventory.js';

export interface WatchDeps extends SubgraphDeps {
  readonly settings: DevicesSettings;
  readonly inventory: Pick<Inventory, 'profiles' | 'readings' | 'fleet'>;
}

/** Ties the rooms together that watch readings: fusions and alarms. */
export function createWatch(deps: WatchDeps) {
  const { database, settings, inventory } = deps;
  const { profiles, readings, fleet } = inventory;
  const fusing: Pick<StandingFusionsDeps, 'profilesOf' | 'readTracks' | 'units'> = {
    readTracks: (workspace, query) => readTracks(database, workspace, query),
    units: profiles.units,
    profilesOf: profiles.lookups.ofDevices,
  };
  const standingFusions = createStandingFusions({
    ...{ ...deps, ...fusing, openSource: readings.openSource },
    select: (workspace, selection, limit) =>
      fleet.selections.findSelected(workspace, checkSelection(selection), { limit }),
  });
  const alarms = createAlarms({
    ...{ ...deps, settings, openSource: readings.openSource },
    selects: (workspace, selection, deviceIds) =>
      fleet.selections.selects(workspace, checkSelection(selection), deviceIds),
    findProfileAlarms: async (workspace, name, version) =>
      (await profiles.lookups.get(workspace, { name, version }))?.alarms ?? [],
  });
  const fuseReadings = createFuseReadings({ ...fusing, now: () => new Date() });
  return { standingFusions, alarms, fuseReadings };
}

import DataLoader from 'dataloader';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { GroupRegistry } from './groups/registry.js';
import type { ImportRegistry, RejectedPage, RejectedRow } from './bulk/registry.js';
import type {
  DeviceGroupModel,
  DeviceImportModel,
  RolloutDeviceModel,
  RolloutModel,
  RunModel,
  StageCounts,
} from './models.js';
import type { RolloutDevicePage, RolloutRegistry } from './rollouts/registry.js';
import type { RunRegistry } from './runs/registry.js';
import type { GroupPage, Selections } from './selection/registry.js';
import type { DevicePlace } from '../device-page.js';

/** What the resolvers of one request share of groups. */
export interface FleetLoaders {
  readonly deviceGroups: DataLoader<string, DeviceGroupModel | undefined>;
  /** The groups that a device was put into, by device id. */
  readonly groupsOfDevice: DataLoader<string, DeviceGroupModel[]>;
  /** How many devices belong to a group, by group id. */
  readonly groupCounts: DataLoader<string, number>;
  readonly groupPages: DataLoader<GroupPage, DevicePlace[], string>;
  readonly runs: DataLoader<string, RunModel | undefined>;
  /** By the id of the run. */
  readonly deviceImports: DataLoader<string, DeviceImportModel | undefined>;
  readonly importRejections: DataLoader<RejectedPage, RejectedRow[], string>;
  readonly rollouts: DataLoader<string, RolloutModel | undefined>;
  /** By the id of the rollout. */
  readonly stageCounts: DataLoader<string, StageCounts[]>;
  readonly rolloutDevices: DataLoader<RolloutDevicePage, RolloutDeviceModel[], string>;
}

export interface FleetLoadersDeps {
  readonly groups: GroupRegistry;
  readonly selections: Selections;
  readonly runs: RunRegistry;
  readonly imports: ImportRegistry;
  readonly rollouts: RolloutRegistry;
}

/** Makes the loaders of one request. */
export function createFleetLoaders(
  { groups, selections, runs, imports, rollouts }: FleetLoadersDeps,
  workspace: WorkspaceId,
): FleetLoaders {
  return {
    deviceGroups: new DataLoader(async (ids) => {
      const byId = new Map((await groups.findByIds(workspace, ids)).map((group) => [group.id, group]));
      return ids.map((id) => byId.get(id));
    }),
    groupsOfDevice: new DataLoader(async (ids) => {
      const byDevice = await groups.findOfDevices(workspace, ids);
      return ids.map((id) => byDevice.get(id) ?? []);
    }),
    groupCounts: new DataLoader((ids) => selections.countOfGroups(workspace, ids)),
    groupPages: new DataLoader<GroupPage, DevicePlace[], string>(
      (pages) => selections.pagesOfGroups(workspace, pages),
      { cacheKeyFn: JSON.stringify },
    ),
    runs: new DataLoader(async (ids) => {
      const byId = new Map((await runs.findByIds(workspace, ids)).map((run) => [run.id, run]));
      return ids.map((id) => byId.get(id));
    }),
    deviceImports: new DataLoader(async (ids) => {
      const byId = await imports.summarise(workspace, ids);
      return ids.map((id) => byId.get(id));
    }),
    importRejections: new DataLoader<RejectedPage, RejectedRow[], string>(
      (pages) => imports.listRejected(workspace, pages),
      { cacheKeyFn: JSON.stringify },
    ),
    rollouts: new DataLoader(async (ids) => {
      const byId = new Map((await rollouts.findByIds(workspace, ids)).map((one) => [one.id, one]));
      return ids.map((id) => byId.get(id));
    }),
    stageCounts: new DataLoader(async (ids) => {
      const counts = await rollouts.countStages(workspace, ids);
      return ids.map((id) => counts.filter((one) => one.id === id));
    }),
    rolloutDevices: new DataLoader<RolloutDevicePage, RolloutDeviceModel[], string>(
      (pages) => rollouts.listDevices(workspace, pages),
      { cacheKeyFn: JSON.stringify },
    ),
  };
}

import DataLoader from 'dataloader';
import type { Database } from '../../kernel/database/database.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { CommandLoaders } from './commands/command-loaders.js';
import type { Commands } from './commands/commands.js';
import type { EndpointLoaders, Endpoints } from './endpoints/endpoints.js';
import type { Fleet } from './fleet/fleet.js';
import type { FleetLoaders } from './fleet/fleet-loaders.js';
import type { DeviceModel } from './models.js';
import type { DeviceProfiles } from './profiles/device-profiles.js';
import type { ProfilePin } from './profiles/profile.js';
import type { StoredProfile } from './profiles/registry.js';
import { createReadingLoaders, type ReadingLoaders } from './readings/reading-loaders.js';
import type { MetricDeclaration } from './registration.js';
import type { DeviceRegistry } from './registry.js';
import type { TwinLoaders } from './twin/twin-loaders.js';
import type { Twins } from './twin/twins.js';

/** What the resolvers of one request share: loaders that turn the same question about many devices into one. */
export interface Context
  extends RequestContext, CommandLoaders, EndpointLoaders, FleetLoaders, ReadingLoaders, TwinLoaders {
  /** By id; undefined where there is none. */
  readonly devices: DataLoader<string, DeviceModel | undefined>;
  readonly profiles: DataLoader<ProfilePin, StoredProfile | undefined, string>;
  /** By device id, in the order of declaration. */
  readonly metrics: DataLoader<string, MetricDeclaration[]>;
}

export interface ContextDeps {
  readonly database: Database;
  readonly registry: DeviceRegistry;
  readonly fleet: Pick<Fleet, 'createLoaders'>;
  readonly profiles: Pick<DeviceProfiles, 'find'>;
  readonly locations: Pick<Endpoints, 'createLoaders'>;
  readonly twins: Pick<Twins, 'createLoaders'>;
  readonly commands: Pick<Commands, 'createLoaders'>;
}

/** Makes the context of one request, or of one event of a stream. */
export function createContext(deps: ContextDeps, request: RequestContext): Context {
  const { database, registry, fleet, profiles, twins, commands } = deps;
  const { workspace } = request.principal;
  return {
    ...request,
    ...fleet.createLoaders(workspace),
    ...twins.createLoaders(workspace),
    ...commands.createLoaders(workspace),
    ...deps.locations.createLoaders(workspace),
    devices: new DataLoader(async (ids) => {
      const byId = new Map((await registry.findByIds(workspace, ids)).map((device) => [device.id, device]));
      return ids.map((id) => byId.get(id));
    }),
    profiles: new DataLoader<ProfilePin, StoredProfile | undefined, string>(
      (pins) => profiles.find(workspace, pins),
      { cacheKeyFn: JSON.stringify },
    ),
    metrics: new DataLoader(async (ids) => {
      const byDevice = await registry.findMetrics(workspace, ids);
      return ids.map((id) => byDevice.get(id) ?? []);
    }),
    ...createReadingLoaders(database, workspace),
  };
}

import DataLoader from 'dataloader';
import type { Database } from '../../kernel/database/database.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { AlarmLoaders } from './alarms/alarm-loaders.js';
import type { Alarms } from './alarms/alarms.js';
import type { CommandLoaders } from './commands/command-loaders.js';
import type { Commands } from './commands/commands.js';
import type { Identity, IdentityLoaders } from './credentials/identity-loaders.js';
import type { EndpointLoaders, Endpoints } from './endpoints/endpoints.js';
import type { Fleet } from './fleet/fleet.js';
import type { FleetLoaders } from './fleet/fleet-loaders.js';
import { createLazyContexts } from './lazy-loaders.js';
import type { DeviceModel } from './models.js';
import type { DeviceProfiles } from './profiles/device-profiles.js';
import type { ProfilePin } from './profiles/profile.js';
import type { StoredProfile } from './profiles/registry.js';
import { createReadingLoaders, type ReadingLoaders } from './readings/reading-loaders.js';
import type { MetricDeclaration } from './registration.js';
import type { DeviceRegistry } from './registry.js';
import type { TwinLoaders } from './twin/twin-loaders.js';
import type { Twins } from './twin/twins.js';

/** What is read of the registry. */
export interface RegistryLoaders {
  /** By id; undefined where there is none. */
  readonly devices: DataLoader<string, DeviceModel | undefined>;
  readonly profiles: DataLoader<ProfilePin, StoredProfile | undefined, string>;
  /** By device id, in the order of declaration. */
  readonly metrics: DataLoader<string, MetricDeclaration[]>;
}

/** What the resolvers of one request share: loaders that turn the same question about many devices into one. */
export interface Context
  extends
    RequestContext,
    AlarmLoaders,
    EndpointLoaders,
    FleetLoaders,
    IdentityLoaders,
    ReadingLoaders,
    TwinLoaders,
    CommandLoaders,
    RegistryLoaders {}

export interface ContextDeps {
  readonly database: Database;
  readonly registry: DeviceRegistry;
  readonly fleet: Pick<Fleet, 'createLoaders'>;
  readonly identity: Identity;
  readonly profiles: Pick<DeviceProfiles, 'find'>;
  readonly locations: Pick<Endpoints, 'createLoaders'>;
  readonly twins: Pick<Twins, 'createLoaders'>;
  readonly commands: Pick<Commands, 'createLoaders'>;
  readonly alarms: Pick<Alarms, 'createLoaders'>;
}

/** Makes the contexts, one for each request and for each event of a stream. */
export function createContexts(deps: ContextDeps): (request: RequestContext) => Context {
  const { database, fleet, identity, locations, twins, commands, alarms } = deps;
  return createLazyContexts<Omit<Context, keyof RequestContext>>([
    (workspace) => createRegistryLoaders(deps, workspace),
    (workspace) => createReadingLoaders(database, workspace),
    (workspace) => fleet.createLoaders(workspace),
    (workspace) => identity.createLoaders(workspace),
    (workspace) => locations.createLoaders(workspace),
    (workspace) => twins.createLoaders(workspace),
    (workspace) => commands.createLoaders(workspace),
    (workspace) => alarms.createLoaders(workspace),
  ]);
}

function createRegistryLoaders({ registry, profiles }: ContextDeps, workspace: WorkspaceId): RegistryLoaders {
  return {
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
  };
}

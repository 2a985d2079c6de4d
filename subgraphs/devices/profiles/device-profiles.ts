import { LRUCache } from 'lru-cache';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Catalogue } from './catalogue.js';
import type { Profile, ProfilePin } from './profile.js';
import type { ProfileRegistry, StoredProfile } from './registry.js';

/** The profiles of workspaces and of the catalogue, and what devices are pinned to. */
export interface DeviceProfiles {
  /** One version, remembered; undefined when there is none. */
  get(workspace: WorkspaceId, pin: ProfilePin): Promise<Profile | undefined>;
  /** The profile that a device is pinned to, remembered; undefined when it has none, or is not there. */
  ofDevice(workspace: WorkspaceId, deviceId: string): Promise<Profile | undefined>;
  /** The same for many, in the order of the ids: at most two statements. */
  ofDevices(workspace: WorkspaceId, deviceIds: readonly string[]): Promise<(Profile | undefined)[]>;
  /** To be told of each device that was registered, changed or removed: what it is pinned to is read again. */
  forget(workspace: WorkspaceId, device: { readonly id: string }): void;
  /** Versions with all that is told of them, in the order of the pins: at most one statement. */
  find(workspace: WorkspaceId, pins: readonly ProfilePin[]): Promise<(StoredProfile | undefined)[]>;
  /** The newest version, of those that are not deprecated if there is one. */
  findNewest(workspace: WorkspaceId, name: string): Promise<StoredProfile | undefined>;
}

export interface DeviceProfilesDeps {
  readonly registry: Pick<ProfileRegistry, 'find' | 'findNewest'>;
  readonly catalogue: Pick<Catalogue, 'versions'>;
  /** What devices are pinned to, by their ids; without those that are not there or have no profile. */
  readonly findPins: (
    workspace: WorkspaceId,
    ids: readonly string[],
  ) => Promise<ReadonlyMap<string, ProfilePin>>;
}

/** How many versions are remembered, and how many devices; those used least recently are forgotten first. */
const VERSIONS = 1_000;
const DEVICES = 25_000;

/**
 * Makes the lookups of profiles. A version never changes, so it is remembered for good; what a device is pinned to, until
 * the device changes. A profile of the workspace stands before one of the catalogue with the same name, so that a new
 * entry of the catalogue takes nothing from anybody.
 */
export function createDeviceProfiles(deps: DeviceProfilesDeps): DeviceProfiles {
  const { registry, catalogue, findPins } = deps;
  const versions = new LRUCache<string, Profile>({ max: VERSIONS });
  const pins = new LRUCache<string, { readonly pin: ProfilePin | undefined }>({ max: DEVICES });
  /** Grows with each change, so that what was read before a change is not remembered after it. */
  let changes = 0;

  async function find(workspace: WorkspaceId, wanted: readonly ProfilePin[]) {
    const unique = [...new Map(wanted.map((pin) => [keyOf(workspace, pin), pin])).values()];
    const rows = await registry.find(workspace, unique.filter(isNamed));
    const byKey = new Map(rows.map((stored) => [keyOf(workspace, stored.profile), stored]));
    return wanted.map((pin) => byKey.get(keyOf(workspace, pin)) ?? fromCatalogue(pin));
  }

  function fromCatalogue({ name, version }: ProfilePin): StoredProfile | undefined {
    const profile = catalogue.versions(name).find((one) => one.version === version);
    return profile && ofCatalogue(profile);
  }

  async function getAll(
    workspace: WorkspaceId,
    wanted: readonly (ProfilePin | undefined)[],
  ): Promise<(Profile | undefined)[]> {
    const missing = wanted.filter((pin) => pin !== undefined && !versions.has(keyOf(workspace, pin)));
    const found = await find(workspace, missing as readonly ProfilePin[]);
    for (const stored of found) if (stored) versions.set(keyOf(workspace, stored.profile), stored.profile);
    const fresh = new Map(
      found.map((stored) => [stored && keyOf(workspace, stored.profile), stored?.profile]),
    );
    return wanted.map((pin) => {
      if (!pin) return undefined;
      const key = keyOf(workspace, pin);
      return fresh.get(key) ?? versions.get(key);
    });
  }

  async function pinsOf(workspace: WorkspaceId, ids: readonly string[]): Promise<(ProfilePin | undefined)[]> {
    const known = ids.map((id) => pins.get(`${workspace}/${id}`));
    const missing = ids.filter((_id, index) => !known[index]);
    if (missing.length === 0) return known.map((one) => one?.pin);
    const seen = changes;
    const found = await findPins(workspace, [...new Set(missing)]);
    if (seen === changes) for (const id of missing) pins.set(`${workspace}/${id}`, { pin: found.get(id) });
    return ids.map((id, index) => (known[index] ? known[index].pin : found.get(id)));
  }

  async function ofDevices(workspace: WorkspaceId, deviceIds: readonly string[]) {
    return getAll(workspace, await pinsOf(workspace, deviceIds));
  }

  return {
    find,
    ofDevices,
    get: async (workspace, pin) => (await getAll(workspace, [pin]))[0],
    ofDevice: async (workspace, deviceId) => (await ofDevices(workspace, [deviceId]))[0],
    forget(workspace, { id }) {
      changes += 1;
      pins.delete(`${workspace}/${id}`);
    },
    async findNewest(workspace, name) {
      if (!isNamed({ name, version: 1 })) return undefined;
      const stored = await registry.findNewest(workspace, name);
      const [newest] = catalogue.versions(name);
      return stored ?? (newest && ofCatalogue(newest));
    },
  };
}

/** A profile of the catalogue with what is told of it. */
export function ofCatalogue(profile: Profile): StoredProfile {
  return { profile, source: 'CATALOGUE', createdAt: null, deprecatedAt: null };
}

function keyOf(workspace: WorkspaceId, { name, version }: ProfilePin): string {
  return `${workspace}/${name}/${version}`;
}

/** Whether Postgres could hold it: a text there has no NUL, an integer 32 bits. */
function isNamed({ name, version }: ProfilePin): boolean {
  return !name.includes('\u0000') && version >= 1 && version <= 2 ** 31 - 1;
}

import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { UserError } from '../generated/schema-types.js';
import { toDeclarations } from '../registration.js';
import type { DevicePin, DeviceRegistry, RefusedChange } from '../registry.js';
import type { DeviceProfiles } from './device-profiles.js';
import type { StoredProfile } from './registry.js';

/** What is said of a device's profile. */
interface PinInput {
  readonly profile?: string | null | undefined;
  readonly profileVersion?: number | null | undefined;
}

type Lookups = Pick<DeviceProfiles, 'find' | 'findNewest'>;

/** Whether what was asked for is refused. */
export function isRefused(pin: DevicePin | RefusedChange | undefined): pin is RefusedChange {
  return pin !== undefined && 'refused' in pin;
}

/** What a new device is to be pinned to; undefined when it is to have no profile. */
export async function findPin(
  profiles: Lookups,
  workspace: WorkspaceId,
  { profile: name, profileVersion: version }: PinInput,
): Promise<DevicePin | RefusedChange | undefined> {
  if (name == null) {
    return version == null
      ? undefined
      : refuse('profileVersion', 'BAD_USER_INPUT', 'Expected the profile as well.');
  }
  const [stored] =
    version == null
      ? [await profiles.findNewest(workspace, name)]
      : await profiles.find(workspace, [{ name, version }]);
  if (stored) return toPin(stored);
  const shown = JSON.stringify(name.slice(0, 64));
  if (version == null || !(await profiles.findNewest(workspace, name)))
    return refuse(
      'profile',
      'NOT_FOUND',
      `There is no profile ${shown}; see deviceProfiles for those that there are.`,
    );
  return refuse('profileVersion', 'NOT_FOUND', `There is no version ${version} of the profile ${shown}.`);
}

/** What a device is to be pinned to from now on; undefined when that stays as it is. */
export async function findNextPin(
  { registry, profiles }: { readonly registry: Pick<DeviceRegistry, 'findPins'>; readonly profiles: Lookups },
  workspace: WorkspaceId,
  { id, profile, profileVersion }: PinInput & { readonly id: string },
): Promise<DevicePin | RefusedChange | undefined> {
  if (profile != null || profileVersion == null)
    return findPin(profiles, workspace, { profile, profileVersion });
  const current = (await registry.findPins(workspace, [id])).get(id);
  return findPin(profiles, workspace, { profile: current?.name, profileVersion });
}

function toPin({ profile: { name, version, properties } }: StoredProfile): DevicePin {
  return { name, version, metrics: toDeclarations(properties) };
}

function refuse(field: string, code: UserError['code'], message: string): RefusedChange {
  return { refused: [{ code, message, path: [field] }] };
}

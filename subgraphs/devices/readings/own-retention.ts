import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Profile, ProfilePin } from '../profiles/profile.js';
import type { OwnRetention } from './retention.js';

/** Profiles in the order of their pins; undefined where there is none. */
export type FindProfiles = (
  workspace: WorkspaceId,
  pins: readonly ProfilePin[],
) => Promise<readonly ({ readonly profile: Profile } | undefined)[]>;

/** Makes the lookup of devices whose profile says for how long their readings are kept. */
export function createOwnRetention(database: Database, findProfiles: FindProfiles): OwnRetention {
  return async (workspace) => {
    const rows = await database.inWorkspace(workspace).client.device.findMany({
      where: { profileName: { not: null } },
      select: { id: true, profileName: true, profileVersion: true },
    });
    const pins = new Map<string, ProfilePin>();
    for (const { profileName: name, profileVersion: version } of rows) {
      if (name !== null && version !== null) pins.set(`${name}/${version}`, { name, version });
    }
    const profiles = await findProfiles(workspace, [...pins.values()]);
    const hours = new Map(
      [...pins.keys()].map((key, index) => [key, profiles[index]?.profile.retentionHours]),
    );
    return new Map(
      rows.flatMap(({ id, profileName, profileVersion }) => {
        const own = hours.get(`${profileName ?? ''}/${profileVersion ?? ''}`);
        return own == null ? [] : [[id, own] as const];
      }),
    );
  };
}

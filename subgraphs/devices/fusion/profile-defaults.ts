import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { FuseReadingsConfig } from '../generated/schema-types.js';
import type { Profile } from '../profiles/profile.js';
import { takesAlignment, USUAL_METHOD } from './check-fusion.js';

/** Gives the profiles of devices, in the order of their ids. */
export type ProfilesOf = (
  workspace: WorkspaceId,
  deviceIds: readonly string[],
) => Promise<readonly (Pick<Profile, 'fusion'> | undefined)[]>;

/**
 * Fills in what a configuration leaves out from the defaults of the devices' profiles, where those that say something of
 * the metric agree. Variances are not taken from there, as they name devices, nor an alignment that the method does not
 * take: it was meant for another one.
 */
export function withProfileDefaults(
  config: FuseReadingsConfig | null | undefined,
  metric: string,
  profiles: readonly (Pick<Profile, 'fusion'> | undefined)[],
): FuseReadingsConfig {
  const given = Object.fromEntries(Object.entries(config ?? {}).filter(([, value]) => value != null));
  const [first, ...others] = profiles.flatMap((profile) => listOf(profile?.fusion[metric]));
  const agreed = Object.entries(first ?? {}).filter(
    ([name, value]) => name !== 'variances' && others.every((other) => other[name] === value),
  );
  const { alignment, ...defaults }: FuseReadingsConfig = Object.fromEntries(agreed);
  const merged: FuseReadingsConfig = { ...defaults, ...given };
  if (merged.alignment != null || alignment == null) return merged;
  return takesAlignment(merged.method ?? USUAL_METHOD, alignment) ? { ...merged, alignment } : merged;
}

function listOf<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

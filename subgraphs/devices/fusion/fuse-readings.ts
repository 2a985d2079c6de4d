import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { QueryFuseReadingsArgs } from '../generated/schema-types.js';
import type { FusedSeriesModel } from '../models.js';
import type { Units } from '../profiles/units.js';
import type { StoredTrack, TrackQuery } from '../readings/metric-tracks.js';
import { checkFusion, type FusionRequest } from './check-fusion.js';
import { fuseTracks, type FusedPoint } from './fuse-tracks.js';
import {
  checkAmount,
  checkComputed,
  checkDeclared,
  toOneUnit,
  type DeclaredTrack,
} from './prepare-tracks.js';
import { withProfileDefaults, type ProfilesOf } from './profile-defaults.js';

/** Fuses the readings of several devices on behalf of a workspace; see {@link createFuseReadings}. */
export type FuseReadings = (workspace: WorkspaceId, args: QueryFuseReadingsArgs) => Promise<FusedSeriesModel>;

export interface FuseReadingsDeps {
  readonly readTracks: (workspace: WorkspaceId, query: TrackQuery) => Promise<StoredTrack[]>;
  readonly now: () => Date;
  readonly units: Pick<Units, 'conversion'>;
  readonly profilesOf: ProfilesOf;
  /** The most readings of one fusion, in equal shares for its devices; 200000 when left out. */
  readonly maxReadings?: number;
}

/** Enough for 50 devices that measure twice a point; reading and fusing them takes about a second. */
const MAX_READINGS = 200_000;

/**
 * Makes the query that fuses the readings of several devices. It asks the database once, however many devices there are.
 *
 * Shape: the arguments of `Query.fuseReadings` in, a fused series out. Errors: NOT_FOUND for a device that is not there;
 * BAD_USER_INPUT for arguments out of their bounds, a device that does not declare the metric, units that do not convert, more
 * readings than are taken, and readings that never meet.
 */
export function createFuseReadings({
  readTracks,
  now,
  units,
  profilesOf,
  maxReadings = MAX_READINGS,
}: FuseReadingsDeps): FuseReadings {
  return async (workspace, args) => {
    const asked = checkFusion(args, now());
    const profiles = await profilesOf(workspace, asked.deviceIds);
    const config = withProfileDefaults(args.config, asked.metric, profiles);
    const request = checkFusion({ ...args, config }, now());
    const { deviceIds, metric, options } = request;
    const limit = Math.floor(maxReadings / deviceIds.length);
    const stored = await readTracks(workspace, {
      ...{ deviceIds, metric },
      // A reading outside the range may reach into it.
      fromMs: options.fromMs - options.maxGapMs,
      toMs: options.toMs + options.maxGapMs,
      limit: limit + 1,
    });
    const tracks = checkDeclared(request, stored);
    checkAmount(tracks, limit);
    const { unit, gains, converted } = toOneUnit(tracks, units);
    // A variance is in the square of its device's own unit.
    const varianceOf = (id: string) => options.varianceOf(id) * (gains.get(id) ?? 1) ** 2;
    const points = fuseTracks(converted, { ...options, varianceOf });
    checkOverlap(request, tracks, points);
    checkComputed(points);
    const { method, alignment, stepMs, maxGapMs } = options;
    return { metric, unit, method, alignment, stepMs, maxGapMs, points };
  };
}

/** Several devices must say something of the same instant at least once, and a single one at all. */
function checkOverlap(
  { options }: FusionRequest,
  tracks: readonly DeclaredTrack[],
  points: readonly FusedPoint[],
): void {
  const needed = Math.min(tracks.length, 2);
  if (points.some(({ heard }) => heard >= needed)) return;
  const expected =
    needed === 1 ? 'a usable reading' : 'an instant at which two devices or more have usable readings';
  refuse(
    `range: expected ${expected}, aligned by ${options.alignment} over at most ${options.maxGapMs} ms ` +
      `(config.maxGapMs), got none: ${tracks.slice(0, 5).map(describeTrack).join('; ')}${tracks.length > 5 ? '; …' : ''}.`,
  );
}

function describeTrack({ deviceId, instants, good }: DeclaredTrack): string {
  const [first, last] = [instants[0], instants.at(-1)];
  if (first === undefined || last === undefined) return `${deviceId}: no readings`;
  const usable = good.filter(Boolean).length;
  const stretch = `${new Date(first).toISOString()} to ${new Date(last).toISOString()}`;
  return `${deviceId}: ${usable} of ${instants.length} readings usable, from ${stretch}`;
}

function refuse(message: string): never {
  throw new AegisError('BAD_USER_INPUT', message);
}

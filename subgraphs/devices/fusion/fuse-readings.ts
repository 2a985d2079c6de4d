import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { QueryFuseReadingsArgs } from '../generated/schema-types.js';
import type { FusedSeriesModel } from '../models.js';
import type { StoredTrack, TrackQuery } from '../readings/metric-tracks.js';
import { checkFusion, type FusionRequest } from './check-fusion.js';
import { fuseTracks, type FusedPoint } from './fuse-tracks.js';

/** Fuses the readings of several devices on behalf of a workspace; see {@link createFuseReadings}. */
export type FuseReadings = (workspace: WorkspaceId, args: QueryFuseReadingsArgs) => Promise<FusedSeriesModel>;

export interface FuseReadingsDeps {
  readonly readTracks: (workspace: WorkspaceId, query: TrackQuery) => Promise<StoredTrack[]>;
  readonly now: () => Date;
  /** The most readings of one fusion, in equal shares for its devices; 200000 when left out. */
  readonly maxReadings?: number;
}

/** A track of a device that declares the metric. */
type DeclaredTrack = StoredTrack & { readonly unit: string };

/** Enough for 50 devices that measure twice a point; reading and fusing them takes about a second. */
const MAX_READINGS = 200_000;

/**
 * Makes the query that fuses the readings of several devices. It asks the database once, however many devices there are.
 *
 * Shape: the arguments of `Query.fuseReadings` in, a fused series out. Errors: NOT_FOUND for a device that is not there;
 * BAD_USER_INPUT for arguments out of their bounds, a device that does not declare the metric, units that differ, more
 * readings than are taken, and readings that never meet.
 */
export function createFuseReadings({
  readTracks,
  now,
  maxReadings = MAX_READINGS,
}: FuseReadingsDeps): FuseReadings {
  return async (workspace, args) => {
    const request = checkFusion(args, now());
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
    const unit = checkUnits(tracks);
    checkAmount(tracks, limit);
    const points = fuseTracks(tracks, options);
    checkOverlap(request, tracks, points);
    checkComputed(points);
    const { method, alignment, stepMs, maxGapMs } = options;
    return { metric, unit, method, alignment, stepMs, maxGapMs, points };
  };
}

function checkDeclared(
  { deviceIds, metric }: FusionRequest,
  stored: readonly StoredTrack[],
): DeclaredTrack[] {
  const byDevice = new Map(stored.map((track) => [track.deviceId, track]));
  return deviceIds.map((id) => {
    const track = byDevice.get(id);
    if (!track) {
      throw new AegisError(
        'NOT_FOUND',
        `deviceIds: there is no device ${quote(id)}; it may have been removed.`,
      );
    }
    const { unit } = track;
    if (unit !== null) return { ...track, unit };
    return refuse(
      `metric: expected one that each device declares, got ${quote(metric)}, which ${id} does not; ` +
        `it declares ${track.declared.join(', ')}.`,
    );
  });
}

/** There is no conversion of units. */
function checkUnits(tracks: readonly DeclaredTrack[]): string {
  const byUnit = new Map<string, string>();
  for (const { unit, deviceId } of tracks) if (!byUnit.has(unit)) byUnit.set(unit, deviceId);
  const [first, ...others] = byUnit;
  if (first && others.length === 0) return first[0];
  const came = [...byUnit].map(([unit, deviceId]) => `${unit} (such as ${deviceId})`).join(', ');
  return refuse(
    `deviceIds: expected devices that measure the metric in one unit, as units are not converted, got ${came}.`,
  );
}

function checkAmount(tracks: readonly DeclaredTrack[], limit: number): void {
  const crowded = tracks.find(({ instants }) => instants.length > limit);
  if (!crowded) return;
  refuse(
    `range: expected at most ${limit} readings of each of ${tracks.length} devices, config.maxGapMs on either side of ` +
      `the range included, got more of ${crowded.deviceId}. Take a shorter range or fewer devices.`,
  );
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

/** Sums of very large values leave the range of doubles. */
function checkComputed(points: readonly FusedPoint[]): void {
  const isFinite = (number: number | null) => number === null || Number.isFinite(number);
  const lost = points.find(({ value, variance }) => !isFinite(value) || !isFinite(variance));
  if (!lost) return;
  refuse(
    `deviceIds: expected readings that can be computed with, got some at ${lost.at.toISOString()} that are too large or ` +
      'too far apart for the method.',
  );
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

function refuse(message: string): never {
  throw new AegisError('BAD_USER_INPUT', message);
}

import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { QueryFuseReadingsArgs } from '../generated/schema-types.js';
import type { FusedSeriesModel } from '../models.js';
import type { Units } from '../profiles/units.js';
import type { StoredTrack, TrackQuery } from '../readings/metric-tracks.js';
import { checkFusion, type FusionRequest } from './check-fusion.js';
import { fuseTracks, type FusedPoint } from './fuse-tracks.js';

/** Fuses the readings of several devices on behalf of a workspace; see {@link createFuseReadings}. */
export type FuseReadings = (workspace: WorkspaceId, args: QueryFuseReadingsArgs) => Promise<FusedSeriesModel>;

export interface FuseReadingsDeps {
  readonly readTracks: (workspace: WorkspaceId, query: TrackQuery) => Promise<StoredTrack[]>;
  readonly now: () => Date;
  readonly units: Pick<Units, 'conversion'>;
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
 * BAD_USER_INPUT for arguments out of their bounds, a device that does not declare the metric, units that do not convert, more
 * readings than are taken, and readings that never meet.
 */
export function createFuseReadings({
  readTracks,
  now,
  units,
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

/** Brings all tracks into the unit of the first device that was asked for. */
function toOneUnit(tracks: readonly DeclaredTrack[], units: Pick<Units, 'conversion'>) {
  const unit = tracks[0]?.unit ?? '1';
  const gains = new Map<string, number>();
  const converted = tracks.map((track) => {
    const conversion = units.conversion(track.unit, unit);
    if (conversion?.gain === undefined) {
      const [first] = tracks;
      return refuse(
        `deviceIds: expected devices that measure the metric in units of one quantity, got ${unit} (${first?.deviceId ?? ''}) ` +
          `and ${track.unit} (${track.deviceId}), which does not convert into the other in a straight line.`,
      );
    }
    gains.set(track.deviceId, conversion.gain);
    return track.unit === unit ? track : { ...track, unit, values: track.values.map(conversion.apply) };
  });
  return { unit, gains, converted };
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

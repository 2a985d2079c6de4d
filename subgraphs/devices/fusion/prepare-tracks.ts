import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Units } from '../profiles/units.js';
import type { StoredTrack } from '../readings/metric-tracks.js';
import type { FusedPoint } from './fuse-tracks.js';

/** A track of a device that declares the metric. */
export type DeclaredTrack = StoredTrack & { readonly unit: string };

/** Takes a track for each device. Errors: NOT_FOUND for one that is not there; BAD_USER_INPUT for one without the metric. */
export function checkDeclared(
  { deviceIds, metric }: { readonly deviceIds: readonly string[]; readonly metric: string },
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

/**
 * Brings all tracks into one unit: that which is given, or that of the first. `gains`: what a variance of a device is
 * multiplied with the square of. Errors: BAD_USER_INPUT for units that do not convert.
 */
export function toOneUnit(
  tracks: readonly DeclaredTrack[],
  units: Pick<Units, 'conversion'>,
  unit = tracks[0]?.unit ?? '1',
) {
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

/** Errors: BAD_USER_INPUT for a device with more readings than its share. */
export function checkAmount(tracks: readonly DeclaredTrack[], limit: number): void {
  const crowded = tracks.find(({ instants }) => instants.length > limit);
  if (!crowded) return;
  refuse(
    `range: expected at most ${limit} readings of each of ${tracks.length} devices, config.maxGapMs on either side of ` +
      `the range included, got more of ${crowded.deviceId}. Take a shorter range or fewer devices.`,
  );
}

/** Errors: BAD_USER_INPUT, as sums of very large values leave the range of doubles. */
export function checkComputed(points: readonly FusedPoint[]): void {
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

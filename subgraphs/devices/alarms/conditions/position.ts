/** A place on the earth, in degrees; WGS 84. */
export interface Position {
  /** -90 to 90, north is positive. */
  readonly latitude: number;
  /** -180 to 180, east is positive. */
  readonly longitude: number;
}

/** The mean radius of the earth, in metres. Source: IUGG (Moritz, Geodetic Reference System 1980), R₁. */
const EARTH_RADIUS_METRES = 6_371_008.8;

/**
 * The great-circle distance of two places on a sphere, in metres; within half a percent of that on the ellipsoid.
 *
 * Source: the haversine formula, as in Sinnott, Virtues of the Haversine, Sky and Telescope 68 (1984).
 */
export function distanceMetres(from: Position, to: Position): number {
  const deltaLatitude = toRadians(to.latitude - from.latitude);
  const deltaLongitude = toRadians(to.longitude - from.longitude);
  const haversine =
    Math.sin(deltaLatitude / 2) ** 2 +
    Math.cos(toRadians(from.latitude)) * Math.cos(toRadians(to.latitude)) * Math.sin(deltaLongitude / 2) ** 2;
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/**
 * Whether a place lies in a polygon, whose sides are straight lines of latitude over longitude, each taken the short way
 * around the earth. A polygon may cross the antimeridian; it may not hold a pole.
 *
 * Source: Franklin, PNPOLY - point inclusion in polygon test (1970): a ray crosses the border an odd number of times.
 */
export function isInPolygon({ latitude, longitude }: Position, corners: readonly Position[]): boolean {
  const unrolled = unroll(corners);
  return [-360, 0, 360].some((turn) => isInside({ latitude, longitude: longitude + turn }, unrolled));
}

function isInside({ latitude, longitude }: Position, corners: readonly Position[]): boolean {
  let inside = false;
  let before = corners.at(-1);
  for (const corner of corners) {
    if (before && corner.latitude > latitude !== before.latitude > latitude) {
      const share = (latitude - corner.latitude) / (before.latitude - corner.latitude);
      if (corner.longitude + (before.longitude - corner.longitude) * share > longitude) inside = !inside;
    }
    before = corner;
  }
  return inside;
}

/** Longitudes without the leap from 180 to -180: each lies less than half of the earth from the one before. */
function unroll(corners: readonly Position[]): Position[] {
  let before = corners[0]?.longitude ?? 0;
  return corners.map(({ latitude, longitude }) => {
    before += ((((longitude - before + 180) % 360) + 360) % 360) - 180;
    return { latitude, longitude: before };
  });
}

function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

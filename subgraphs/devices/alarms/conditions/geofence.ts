import type { Condition, DeviceView } from './condition.js';
import { distanceMetres, isInPolygon, type Position } from './position.js';

/** A stretch of the earth. */
export type Fence =
  | { readonly kind: 'circle'; readonly centre: Position; readonly radiusMetres: number }
  | { readonly kind: 'polygon'; readonly corners: readonly Position[] };

export interface GeofenceOptions {
  /** The metrics of the position, in degrees. */
  readonly latitudeMetric: string;
  readonly longitudeMetric: string;
  /** Where the device is when the condition holds. */
  readonly raiseWhen: 'INSIDE' | 'OUTSIDE';
  readonly fence: Fence;
}

/**
 * Makes the condition that a device is inside, or outside, a stretch of the earth. A position is a latitude and a longitude
 * of the same instant: of two that were measured apart nothing is said, as the place between them may be one where the
 * device never was.
 */
export function createGeofence(options: GeofenceOptions): Condition {
  const { latitudeMetric, longitudeMetric, raiseWhen, fence } = options;

  function positionOf(view: DeviceView): Position | undefined {
    const latitude = view.newestUsable(latitudeMetric);
    const longitude = view.newestUsable(longitudeMetric);
    if (!latitude || !longitude || latitude.measuredAtMs !== longitude.measuredAtMs) return undefined;
    return { latitude: latitude.value, longitude: longitude.value };
  }

  return {
    metrics: [latitudeMetric, longitudeMetric],
    windowMs: 0,
    holds(view) {
      const position = positionOf(view);
      return position && isIn(position, fence) === (raiseWhen === 'INSIDE');
    },
    explain(view) {
      const { latitude, longitude } = positionOf(view) ?? { latitude: NaN, longitude: NaN };
      const where = raiseWhen === 'INSIDE' ? 'inside' : 'outside';
      const message = `the device is at ${latitude}, ${longitude}, ${where} the fence`;
      return { metric: null, value: null, unit: null, message };
    },
  };
}

function isIn(position: Position, fence: Fence): boolean {
  return fence.kind === 'circle'
    ? distanceMetres(position, fence.centre) <= fence.radiusMetres
    : isInPolygon(position, fence.corners);
}

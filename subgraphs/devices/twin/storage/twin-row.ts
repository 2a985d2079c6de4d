import type { JsonObject } from '../merge-patch.js';
import type { DeviceTwinModel, TwinChangeModel, TwinSide } from '../models.js';

/** A twin as the database has it. */
export interface TwinRow {
  readonly device_id: string;
  readonly reported: JsonObject;
  readonly desired: JsonObject;
  readonly version: number;
  readonly reported_version: number;
  readonly desired_version: number;
  readonly reported_at: Date | null;
  readonly desired_at: Date | null;
}

/** A change of a twin as the database has it. */
export interface TwinChangeRow {
  readonly device_id: string;
  readonly version: number;
  readonly side: TwinSide;
  readonly patch: JsonObject;
  readonly undo: JsonObject;
  readonly former_version: number;
  readonly former_at: Date | null;
  readonly changed_by: string;
  readonly changed_at: Date;
}

/** The twin of a row. */
export function toTwin(row: TwinRow): DeviceTwinModel {
  return {
    deviceId: row.device_id,
    reported: row.reported,
    desired: row.desired,
    version: row.version,
    reportedVersion: row.reported_version,
    desiredVersion: row.desired_version,
    reportedAt: row.reported_at,
    desiredAt: row.desired_at,
  };
}

/** The twin of a device that has neither reported anything nor been asked for anything. */
export function emptyTwin(deviceId: string): DeviceTwinModel {
  return {
    deviceId,
    ...{ reported: {}, desired: {}, version: 0, reportedVersion: 0, desiredVersion: 0 },
    ...{ reportedAt: null, desiredAt: null },
  };
}

/** The change of a row. */
export function toTwinChange(row: TwinChangeRow): TwinChangeModel {
  return {
    deviceId: row.device_id,
    version: row.version,
    side: row.side,
    patch: row.patch,
    undo: row.undo,
    changedBy: row.changed_by,
    changedAt: row.changed_at,
  };
}

import type { Connection } from '../../../kernel/graphql/connection.js';
import type { JsonObject } from './merge-patch.js';

/** The two halves of a twin: what the device says of itself, and what is wanted of it. */
export type TwinSide = 'REPORTED' | 'DESIRED';

/** A device's twin, now or as it was. What is desired and not reported yet follows from the two. */
export interface DeviceTwinModel {
  readonly deviceId: string;
  readonly reported: JsonObject;
  readonly desired: JsonObject;
  /** Counts the changes of both sides; 0 before the first. */
  readonly version: number;
  /** The version of the last change of what is reported. */
  readonly reportedVersion: number;
  readonly desiredVersion: number;
  readonly reportedAt: Date | null;
  readonly desiredAt: Date | null;
}

/** One change of a twin. */
export interface TwinChangeModel {
  readonly deviceId: string;
  readonly version: number;
  readonly side: TwinSide;
  /** Merge patch, RFC 7396. */
  readonly patch: JsonObject;
  /** The merge patch that takes it back. */
  readonly undo: JsonObject;
  /** The subject of whoever asked for it; `device` for what the device reported. */
  readonly changedBy: string;
  readonly changedAt: Date;
}

/** An event that a device has told. */
export interface DeviceEventModel {
  readonly id: string;
  readonly deviceId: string;
  readonly name: string;
  readonly data: unknown;
  readonly occurredAt: Date;
}

/** A change on its way to a subscriber; its device, its twin and the change itself are resolved further. */
export interface DeviceTwinEventModel {
  readonly cursor: string;
  readonly gap: boolean;
  readonly deviceId: string;
  readonly side: TwinSide;
  readonly version: number;
}

/** A page of changes. */
export type TwinChangeConnectionModel = Connection<TwinChangeModel>;

/** A page of events. */
export type DeviceEventConnectionModel = Connection<DeviceEventModel>;

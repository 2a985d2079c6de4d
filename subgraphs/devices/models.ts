import type { Connection } from '../../kernel/graphql/connection.js';
import type { Quality } from './codecs/codec.js';
import type { AlignedInput } from './fusion/fusion-step.js';
import type { FusedPoint, FusionOptions } from './fusion/fuse-tracks.js';
import type { Aggregate, Resolution } from './readings/series/step-query.js';
import type { StoredProfile } from './profiles/registry.js';
import type { MetricDeclaration } from './registration.js';

/** A device as the registry holds it; its metrics, readings and series are resolved further. */
export interface DeviceModel {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** The version of a profile that it is pinned to: both or neither. */
  readonly profileName: string | null;
  readonly profileVersion: number | null;
  /** Values by key; resolved further. */
  readonly labels: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A reading as it is stored; its device is resolved further. */
export interface ReadingModel {
  readonly deviceId: string;
  readonly metric: string;
  /** In `unit`. */
  readonly value: number;
  /** UCUM code. */
  readonly unit: string;
  readonly quality: Quality;
  readonly measuredAt: Date;
  readonly receivedAt: Date;
}

/** One metric of a device over a range in its declared unit, oldest first. */
export interface SeriesModel {
  readonly metric: string;
  /** UCUM code. */
  readonly unit: string;
  readonly points: readonly SeriesPointModel[];
  /** Whether there are more points than were asked for. */
  readonly truncated: boolean;
  readonly resolution: Resolution;
  /** Null for readings as they are. */
  readonly stepMs: number | null;
  readonly aggregate: Aggregate | null;
}

/** A reading, or what the readings of one step come to. */
export interface SeriesPointModel {
  readonly measuredAt: Date;
  readonly value: number;
  /** How many readings it is made of. */
  readonly count: number;
  /** Null for several readings. */
  readonly quality: Quality | null;
}

/** The series of one of several devices. */
export interface DeviceSeriesModel {
  readonly deviceId: string;
  readonly series: readonly SeriesModel[];
}

/** A device's part in a fused value; its quality is resolved further. */
export type FusedInputModel = AlignedInput;

/** The readings of several devices as one series, with the settings that were used. */
export interface FusedSeriesModel extends Pick<
  FusionOptions,
  'method' | 'alignment' | 'stepMs' | 'maxGapMs'
> {
  readonly metric: string;
  /** UCUM code. */
  readonly unit: string;
  /** Oldest first. */
  readonly points: readonly FusedPoint[];
}

/** A page of devices. */
export type DeviceConnectionModel = Connection<DeviceModel>;

/** A version of a profile with what is told of it. */
export type DeviceProfileModel = StoredProfile;

/** A metric of a device. */
export type DeviceMetricModel = MetricDeclaration;

/** A page of profiles. */
export type DeviceProfileConnectionModel = Connection<DeviceProfileModel>;

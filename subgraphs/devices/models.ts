import type { Connection } from '../../kernel/graphql/connection.js';
import type { Quality } from './codecs/codec.js';
import type { FusedPoint, FusionOptions } from './fusion/fuse-tracks.js';

/** A device as the registry holds it; its metrics, readings and series are resolved further. */
export interface DeviceModel {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
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

/** The readings of one metric in its declared unit, oldest first. */
export interface SeriesModel {
  readonly metric: string;
  /** UCUM code. */
  readonly unit: string;
  readonly points: readonly { readonly measuredAt: Date; readonly value: number }[];
  /** Whether there are more points than were asked for. */
  readonly truncated: boolean;
}

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

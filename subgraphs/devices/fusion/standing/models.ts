import type { Connection } from '../../../../kernel/graphql/connection.js';
import type { FusedPoint } from '../fuse-tracks.js';
import type { FusionMemory } from '../fusion-step.js';
import type { FusionDefinition } from './standing-fusion.js';

/** A standing fusion as it is kept. */
export interface StandingFusionModel {
  readonly id: string;
  readonly name: string;
  readonly definition: FusionDefinition;
  /** UCUM code of its points; null before the first. */
  readonly unit: string | null;
  /** The instant of the point that is computed next. */
  readonly nextAt: Date;
  /** The instant of the newest point that was removed by retention, or skipped. */
  readonly prunedAt: Date | null;
  readonly memory: FusionMemory;
  readonly lateInputs: bigint;
  readonly problem: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A page of standing fusions. */
export type StandingFusionConnectionModel = Connection<StandingFusionModel>;

/** A point as it is stored. */
export interface StoredPoint extends Omit<FusedPoint, 'heard'> {
  readonly unit: string;
}

/** The points of a standing fusion over a range. */
export interface StandingFusedSeriesModel {
  readonly metric: string;
  readonly unit: string | null;
  readonly points: readonly StoredPoint[];
  readonly truncated: boolean;
}

/** A point on its way to a subscriber. */
export interface FusedReadingEventModel {
  readonly cursor: string;
  readonly gap: boolean;
  readonly unit: string;
  readonly point: StoredPoint;
}

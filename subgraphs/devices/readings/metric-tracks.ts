import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Quality } from '../codecs/codec.js';
import { toQuality, UNUSABLE } from './quality.js';

/** Which readings of several devices are wanted. */
export interface TrackQuery {
  /** Each once. */
  readonly deviceIds: readonly string[];
  readonly metric: string;
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  /** Itself outside the stretch. */
  readonly toMs: number;
  /** The most readings of one device: the oldest are given. */
  readonly limit: number;
}

/** The readings of one metric of one device, oldest first. */
export interface StoredTrack {
  readonly deviceId: string;
  /** UCUM code of the metric; null when the device does not declare it. */
  readonly unit: string | null;
  /** The names of the metrics that the device declares, when it does not declare this one; otherwise empty. */
  readonly declared: readonly string[];
  /** Milliseconds since 1970, to the microsecond. */
  readonly instants: readonly number[];
  readonly values: readonly number[];
  /** Whether each is neither BAD nor STALE, finite, within the metric's plausible range as it is now, and in the unit as it is now. */
  readonly good: readonly boolean[];
  readonly qualities: readonly Quality[];
}

interface TrackRow {
  readonly device_id: string;
  readonly unit: string | null;
  readonly declared: string[];
  readonly instants: number[];
  readonly values: number[];
  readonly good: boolean[];
  readonly qualities: number[];
}

/**
 * Reads one metric of any number of devices over one stretch, in one statement.
 *
 * Shape: n device ids in; a track of each device that is there out, in any order.
 */
export async function readTracks(
  database: Database,
  workspace: WorkspaceId,
  { deviceIds, metric, fromMs, toMs, limit }: TrackQuery,
): Promise<StoredTrack[]> {
  // A text of Postgres has no NUL: nothing is named by one that has.
  const ids = deviceIds.filter((id) => !id.includes('\u0000'));
  const rows = await database.inWorkspace(workspace).client.$queryRaw<TrackRow[]>`
    SELECT d.id AS device_id, m.unit, p.instants, p.values, p.good, p.qualities,
      CASE WHEN m.name IS NOT NULL THEN '{}' ELSE ARRAY(
        SELECT name FROM devices.device_metrics
        WHERE workspace_id = d.workspace_id AND device_id = d.id ORDER BY position
      ) END AS declared
    FROM devices.devices d
    LEFT JOIN devices.device_metrics m
      ON m.workspace_id = d.workspace_id AND m.device_id = d.id AND m.name = ${metric}
    CROSS JOIN LATERAL (
      SELECT
        coalesce(array_agg((extract(epoch FROM measured_at) * 1000)::float8 ORDER BY measured_at), '{}') AS instants,
        coalesce(array_agg(value ORDER BY measured_at), '{}') AS values,
        coalesce(array_agg(good ORDER BY measured_at), '{}') AS good,
        coalesce(array_agg(quality::int ORDER BY measured_at), '{}') AS qualities
      FROM (
        SELECT measured_at, value, quality,
          unit = m.unit AND quality <> ALL(${UNUSABLE}::smallint[])
            AND value > '-Infinity' AND value < 'Infinity'
            AND value >= coalesce(m.minimum, value) AND value <= coalesce(m.maximum, value) AS good
        FROM devices.readings
        WHERE workspace_id = m.workspace_id AND device_id = m.device_id AND metric = m.name
          AND measured_at >= to_timestamp(${fromMs}::float8 / 1000)
          AND measured_at < to_timestamp(${toMs}::float8 / 1000)
        ORDER BY measured_at LIMIT ${limit}::int
      ) stretch
    ) p
    WHERE d.workspace_id = ${workspace} AND d.id = ANY(${ids}::text[])`;
  return rows.map(({ device_id: deviceId, qualities, ...track }) => ({
    deviceId,
    ...track,
    qualities: qualities.map(toQuality),
  }));
}

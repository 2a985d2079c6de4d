import type { Database } from '../../../../kernel/database/database.js';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { SeriesModel } from '../../models.js';
import { toQuality } from '../quality.js';

/** One stretch of one metric's readings, as they are. */
export interface RawSeriesKey {
  readonly deviceId: string;
  readonly metric: string;
  readonly from: Date;
  /** Itself outside the stretch. */
  readonly to: Date;
  readonly limit: number;
}

/** The most points of one series. */
const MAX_POINTS = 10_000;

/** Checks what is asked of a series. Errors: BAD_USER_INPUT. */
export function checkRawSeriesKey(key: RawSeriesKey): RawSeriesKey {
  if (key.limit < 1 || key.limit > MAX_POINTS) {
    throw new AegisError('BAD_USER_INPUT', `limit: expected 1 to ${MAX_POINTS}, got ${key.limit}.`);
  }
  if (key.from.getTime() >= key.to.getTime()) {
    const range = `${key.from.toISOString()} to ${key.to.toISOString()}`;
    throw new AegisError('BAD_USER_INPUT', `range: expected a beginning before the end, got ${range}.`);
  }
  return key;
}

interface SeriesRow {
  readonly place: number;
  readonly unit: string;
  /** Milliseconds since 1970, one for each value. */
  readonly instants: number[];
  readonly values: number[];
  readonly qualities: number[];
}

/**
 * Reads any number of series in one statement. Readings in a unit that the metric had before are left out: a series has
 * one unit.
 *
 * Shape: n keys in; n series out, undefined where the device does not declare the metric.
 */
export async function readRawSeries(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly RawSeriesKey[],
): Promise<(SeriesModel | undefined)[]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<SeriesRow[]>`
    SELECT w.place::int AS place, m.unit, p.instants, p.values, p.qualities
    FROM unnest(
      ${keys.map((key) => key.deviceId)}::text[],
      ${keys.map((key) => key.metric)}::text[],
      ${keys.map((key) => key.from.toISOString())}::timestamptz[],
      ${keys.map((key) => key.to.toISOString())}::timestamptz[],
      ${keys.map((key) => key.limit + 1)}::int[]
    ) WITH ORDINALITY AS w(device_id, metric, range_from, range_to, points, place)
    JOIN devices.device_metrics m
      ON m.workspace_id = ${workspace} AND m.device_id = w.device_id AND m.name = w.metric
    CROSS JOIN LATERAL (
      SELECT
        coalesce(array_agg(floor(extract(epoch FROM measured_at) * 1000)::float8 ORDER BY measured_at), '{}') AS instants,
        coalesce(array_agg(value ORDER BY measured_at), '{}') AS values,
        coalesce(array_agg(quality ORDER BY measured_at), '{}') AS qualities
      FROM (
        SELECT measured_at, value, quality FROM devices.readings
        WHERE workspace_id = m.workspace_id AND device_id = m.device_id AND metric = m.name
          AND measured_at >= w.range_from AND measured_at < w.range_to AND unit = m.unit
        ORDER BY measured_at LIMIT w.points
      ) stretch
    ) p`;
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return keys.map((key, index) => {
    const row = byPlace.get(index + 1);
    return row && toSeries(key, row);
  });
}

function toSeries(
  { metric, limit }: RawSeriesKey,
  { unit, instants, values, qualities }: SeriesRow,
): SeriesModel {
  const points = values.slice(0, limit).map((value, index) => ({
    measuredAt: new Date(instants[index] ?? NaN),
    value,
    count: 1,
    quality: toQuality(qualities[index] ?? 0),
  }));
  const truncated = values.length > limit;
  return { metric, unit, points, truncated, resolution: 'RAW', stepMs: null, aggregate: null };
}

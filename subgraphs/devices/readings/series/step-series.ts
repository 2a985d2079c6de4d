import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { SeriesModel } from '../../models.js';
import { UNUSABLE } from '../quality.js';
import { EPOCH, LARGEST_SUMMAND } from '../rollups/roll-up-readings.js';
import type { Aggregate, Resolution, StepQuery } from './step-query.js';

/** A metric of a device. */
export interface Track {
  readonly deviceId: string;
  readonly metric: string;
}

interface StepRow {
  readonly place: number;
  readonly unit: string;
  /** Beginnings of steps in milliseconds since 1970. */
  readonly starts: number[];
  readonly values: number[];
  readonly counts: number[];
}

/** What each aggregate is made of. AVG is divided here: a tiny quotient is an error of Postgres. */
const VALUES: Readonly<Record<Aggregate, string>> = {
  AVG: 'sum(total)',
  SUM: 'sum(total)',
  MIN: 'min(minimum)',
  MAX: 'max(maximum)',
  COUNT: 'sum(count)::float8',
  LAST: '(array_agg(last ORDER BY last_at DESC))[1]',
};

/** The usable readings behind the roll-ups: what is not in them yet. Read by its place in the stream, so it is short. */
const TAIL = `
  tail AS MATERIALIZED (
    SELECT device_id, metric, unit, measured_at, value FROM devices.readings
    WHERE workspace_id = $1 AND quality <> ALL($8::smallint[])
      AND sequence > coalesce((SELECT rolled_sequence FROM devices.reading_rollups WHERE workspace_id = $1), 0)
  )`;

const READING = `1 AS count, value AS minimum, value AS maximum,
  least(greatest(value, -${LARGEST_SUMMAND}), ${LARGEST_SUMMAND}) AS total, value AS last, measured_at AS last_at`;

/** Where each resolution comes from: one row for each reading or roll-up, with the instant that tells its step. */
const PARTS: Readonly<Record<Resolution, string>> = {
  RAW: `
    SELECT t.place, r.measured_at AS at, ${READING} FROM track t JOIN devices.readings r
      ON r.workspace_id = $1 AND r.device_id = t.device_id AND r.metric = t.metric AND r.unit = t.unit
      AND r.measured_at >= to_timestamp($4::float8 / 1e3) AND r.measured_at < to_timestamp($5::float8 / 1e3)
    WHERE r.quality <> ALL($8::smallint[])`,
  MINUTE: rolledUp('reading_minutes'),
  HOUR: rolledUp('reading_hours'),
};

function rolledUp(table: string): string {
  return `
    SELECT t.place, r.starts_at AS at, count, minimum, maximum, total, last, last_at
    FROM track t JOIN devices.${table} r
      ON r.workspace_id = $1 AND r.device_id = t.device_id AND r.metric = t.metric AND r.unit = t.unit
      AND r.starts_at >= to_timestamp($4::float8 / 1e3) AND r.starts_at < to_timestamp($5::float8 / 1e3)
    UNION ALL
    SELECT t.place, tail.measured_at AS at, ${READING} FROM tail JOIN track t USING (device_id, metric, unit)
    WHERE tail.measured_at >= to_timestamp($4::float8 / 1e3) AND tail.measured_at < to_timestamp($5::float8 / 1e3)`;
}

function toStatement({ aggregate, resolution }: StepQuery): string {
  return `
    WITH track AS MATERIALIZED (
      SELECT t.place::int AS place, t.device_id, t.metric, m.unit
      FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS t(device_id, metric, place)
      JOIN devices.device_metrics m ON m.workspace_id = $1 AND m.device_id = t.device_id AND m.name = t.metric
    ), ${resolution === 'RAW' ? '' : `${TAIL}, `} part AS (${PARTS[resolution]}
    ), step AS (
      SELECT place, date_bin(make_interval(secs => $6::float8 / 1e3), at, $7::timestamptz) AS starts_at,
        ${VALUES[aggregate]} AS value, sum(count)::float8 AS count
      FROM part GROUP BY 1, 2
    )
    SELECT track.place, track.unit,
      coalesce(array_agg((extract(epoch FROM step.starts_at) * 1000)::float8 ORDER BY step.starts_at)
        FILTER (WHERE step.place IS NOT NULL), '{}') AS starts,
      coalesce(array_agg(step.value ORDER BY step.starts_at) FILTER (WHERE step.place IS NOT NULL), '{}') AS values,
      coalesce(array_agg(step.count ORDER BY step.starts_at) FILTER (WHERE step.place IS NOT NULL), '{}') AS counts
    FROM track LEFT JOIN step USING (place) GROUP BY track.place, track.unit`;
}

/**
 * Reads any number of series in steps in one statement. What is not in the roll-ups yet is added from the readings, in the
 * same snapshot: a series is never behind, and counts nothing twice. BAD and STALE readings have no part, nor have those in
 * a unit that the metric had before.
 *
 * Shape: n tracks in; n series out, undefined where the device does not declare the metric. Steps without readings have no
 * point.
 */
export async function readStepSeries(
  database: Database,
  workspace: WorkspaceId,
  { tracks, query }: { readonly tracks: readonly Track[]; readonly query: StepQuery },
): Promise<(SeriesModel | undefined)[]> {
  const rows = await database.inWorkspace(workspace).client.$queryRawUnsafe<StepRow[]>(
    toStatement(query),
    workspace,
    tracks.map(({ deviceId }) => deviceId),
    tracks.map(({ metric }) => metric),
    ...[query.fromMs, query.toMs, query.stepMs],
    ...[EPOCH, UNUSABLE],
  );
  const byPlace = new Map(rows.map((row) => [row.place, row]));
  return tracks.map(({ metric }, index) => {
    const row = byPlace.get(index + 1);
    return row && toSeries(metric, row, query);
  });
}

function toSeries(metric: string, { unit, starts, values, counts }: StepRow, query: StepQuery): SeriesModel {
  const { aggregate, resolution, stepMs } = query;
  const points = values.map((value, index) => {
    const count = counts[index] ?? 1;
    return {
      measuredAt: new Date(starts[index] ?? NaN),
      value: aggregate === 'AVG' ? value / count : value,
      count,
      quality: null,
    };
  });
  return {
    metric,
    unit: aggregate === 'COUNT' ? '1' : unit,
    ...{ points, truncated: false, resolution, stepMs, aggregate },
  };
}

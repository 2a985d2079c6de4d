import type { WorkspaceDatabase } from '../../../../kernel/database/database.js';
import { UNUSABLE } from '../quality.js';

/** A stretch of the stream to bring into the roll-ups. */
export interface RollUpStretch {
  /** Behind this sequence, up to which everything is in them. */
  readonly after: bigint;
  readonly through: bigint;
  /** What was measured before these instants is older than minutes and hours are kept; milliseconds since 1970. */
  readonly minutesFromMs: number;
  readonly hoursFromMs: number;
}

/**
 * The largest magnitude with which a value counts in a sum: a sum that overflows is an error of Postgres, and would come
 * again for ever.
 */
export const LARGEST_SUMMAND = 1e290;

/** The instant from which minutes, hours and the steps of series are counted. */
export const EPOCH = '1970-01-01T00:00:00Z';

/**
 * Adds the usable readings of a stretch to the minutes and hours that they were measured in, and records how far that has
 * come, in one statement: whatever happens, each reading is in them exactly once. Late readings find the minute of their
 * time, and change its last value only when they are the latest of it.
 *
 * The last value is that of the greatest pair of instant and value: of arrays, as Postgres before 18 knows no greatest row.
 *
 * `place` is what keeps two processes apart: the second waits for the first one's row, sees that it stands elsewhere by
 * then, and adds nothing.
 *
 * Returns whether it was this call that brought the roll-ups up to `through`.
 */
export async function rollUpReadings(
  { client, workspace }: WorkspaceDatabase,
  { after, through, minutesFromMs, hoursFromMs }: RollUpStretch,
): Promise<boolean> {
  const [row] = await client.$queryRaw<{ readonly moved: boolean }[]>`
    WITH place AS MATERIALIZED (
      SELECT rolled_sequence FROM devices.reading_rollups
      WHERE workspace_id = ${workspace} AND rolled_sequence = ${after}::bigint FOR UPDATE
    ), usable AS MATERIALIZED (
      SELECT r.device_id, r.metric, r.unit, r.measured_at, r.value,
        date_bin('1 minute', r.measured_at, ${EPOCH}::timestamptz) AS starts_at
      FROM place JOIN devices.readings r
        ON r.workspace_id = ${workspace} AND r.sequence > ${after}::bigint AND r.sequence <= ${through}::bigint
      WHERE r.quality <> ALL(${UNUSABLE}::smallint[])
        AND r.measured_at >= to_timestamp(${Math.min(minutesFromMs, hoursFromMs)}::float8 / 1e3)
    ), minute AS MATERIALIZED (
      SELECT device_id, metric, unit, starts_at, count(*)::int AS count, min(value) AS minimum, max(value) AS maximum,
        sum(least(greatest(value, ${-LARGEST_SUMMAND}::float8), ${LARGEST_SUMMAND}::float8)) AS total,
        max(measured_at) AS last_at, max(ARRAY[date_part('epoch', measured_at), value]) AS newest
      FROM usable GROUP BY 1, 2, 3, 4
    ), hour AS MATERIALIZED (
      SELECT device_id, metric, unit, date_bin('1 hour', starts_at, ${EPOCH}::timestamptz) AS starts_at,
        sum(count)::int AS count, min(minimum) AS minimum, max(maximum) AS maximum, sum(total) AS total,
        max(last_at) AS last_at, max(newest) AS newest
      FROM minute GROUP BY 1, 2, 3, 4
    ), minutes AS (
      INSERT INTO devices.reading_minutes AS known
        (workspace_id, device_id, metric, unit, starts_at, count, minimum, maximum, total, last_at, last)
      SELECT ${workspace}, device_id, metric, unit, starts_at, count, minimum, maximum, total, last_at, newest[2]
      FROM minute WHERE starts_at >= to_timestamp(${minutesFromMs}::float8 / 1e3)
      ON CONFLICT (workspace_id, device_id, metric, unit, starts_at) DO UPDATE SET
        count = known.count + excluded.count,
        minimum = least(known.minimum, excluded.minimum),
        maximum = greatest(known.maximum, excluded.maximum),
        total = known.total + excluded.total,
        last = CASE WHEN excluded.last_at >= known.last_at THEN excluded.last ELSE known.last END,
        last_at = greatest(known.last_at, excluded.last_at)
    ), hours AS (
      INSERT INTO devices.reading_hours AS known
        (workspace_id, device_id, metric, unit, starts_at, count, minimum, maximum, total, last_at, last)
      SELECT ${workspace}, device_id, metric, unit, starts_at, count, minimum, maximum, total, last_at, newest[2]
      FROM hour WHERE starts_at >= to_timestamp(${hoursFromMs}::float8 / 1e3)
      ON CONFLICT (workspace_id, device_id, metric, unit, starts_at) DO UPDATE SET
        count = known.count + excluded.count,
        minimum = least(known.minimum, excluded.minimum),
        maximum = greatest(known.maximum, excluded.maximum),
        total = known.total + excluded.total,
        last = CASE WHEN excluded.last_at >= known.last_at THEN excluded.last ELSE known.last END,
        last_at = greatest(known.last_at, excluded.last_at)
    ), moved AS (
      UPDATE devices.reading_rollups SET rolled_sequence = ${through}::bigint FROM place
      WHERE workspace_id = ${workspace} RETURNING 1
    )
    SELECT EXISTS (SELECT FROM moved) AS moved`;
  return row?.moved ?? false;
}

/** Where the roll-ups of a workspace stand, and where they could. */
export interface RollUpEnds {
  /** Up to here everything is in them. */
  readonly rolled: bigint;
  readonly newest: bigint;
  /** Up to here retention has left nothing to bring into them. */
  readonly pruned: bigint;
}

/** Makes sure that the workspace has a place for its roll-ups, and tells it. */
export async function findRollUpEnds({ client, workspace }: WorkspaceDatabase): Promise<RollUpEnds> {
  const [row] = await client.$queryRaw<RollUpEnds[]>`
    WITH made AS (
      INSERT INTO devices.reading_rollups (workspace_id)
      SELECT ${workspace} WHERE NOT EXISTS (SELECT FROM devices.reading_rollups WHERE workspace_id = ${workspace})
      ON CONFLICT DO NOTHING
    )
    SELECT coalesce(r.rolled_sequence, 0) AS rolled, s.newest_sequence AS newest, s.pruned_sequence AS pruned
    FROM devices.reading_streams s LEFT JOIN devices.reading_rollups r USING (workspace_id)
    WHERE s.workspace_id = ${workspace}`;
  return row ?? { rolled: 0n, newest: 0n, pruned: 0n };
}

/** The days in which the readings of a stretch were measured, in milliseconds since 1970. */
export async function findDays(
  { client, workspace }: WorkspaceDatabase,
  { after, through }: Pick<RollUpStretch, 'after' | 'through'>,
): Promise<readonly number[]> {
  const rows = await client.$queryRaw<{ readonly day: number }[]>`
    SELECT DISTINCT (extract(epoch FROM date_bin('1 day', measured_at, ${EPOCH}::timestamptz)) * 1000)::float8 AS day
    FROM devices.readings
    WHERE workspace_id = ${workspace} AND sequence > ${after}::bigint AND sequence <= ${through}::bigint`;
  return rows.map(({ day }) => day);
}

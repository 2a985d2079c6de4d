import type { WorkspaceDatabase } from '../../../kernel/database/database.js';
import { Prisma } from '../../../kernel/database/workspace.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ReadingColumns } from './reading-columns.js';

/** What the statement that stores readings tells. */
export interface InsertedReadings {
  /** The newest sequence before: that of a reading is its place behind it. */
  readonly base: string;
  /** Places in the input, from 1, of what was stored; null for all of them. */
  readonly places: number[] | null;
  /** Indexes of stale messages. */
  readonly stale: number[];
  /** What is stored at places in the input that bring something else. */
  readonly conflicts: { readonly place: number; readonly value: number; readonly unit: string }[];
}

/**
 * Stores readings in one statement, and so in one transaction. What keeps it right beside other writers and a device's
 * removal:
 *
 * `stream` updates the workspace's row and so holds it until the commit. A second writer waits there and then sees the
 * first one's number (Postgres re-reads a row it waited for), so sequences grow in the order of commit. `held` keeps the
 * devices from being removed until the commit; a removal that came first leaves it without them. `stale` are messages
 * with a reading that no declared metric of a held device takes in that unit any more: none of their readings is stored.
 * Nor is any of a message that `differing` names: one instant of a metric has one value. It sees what was committed before
 * the statement began; of two processes that bring two values for one instant at the same moment, the first is stored,
 * and the other counts as its repetition.
 *
 * `newest` spares most readings the look for another value at their instant: what is newer than all that is stored of its
 * metric has none. That is worth its own look where several readings of a metric come at once.
 *
 * A reading with a number is stored when `numbered` could take the number down: it is unique, so of two processes that
 * bring it at once only one can.
 */
export async function insertReadings(
  { client, workspace }: WorkspaceDatabase,
  columns: ReadingColumns,
): Promise<InsertedReadings> {
  const count = columns.owners.length;
  const [row] = await client.$queryRaw<InsertedReadings[]>`
    WITH ${inputOf(columns)}, ${checksOf(workspace, columns)}, ${storingOf(workspace, count)}
    SELECT base::text AS base,
      (
        SELECT CASE WHEN count(*) < ${count}::int
          THEN coalesce(array_agg((sequence - base)::int ORDER BY sequence), '{}') END
        FROM inserted
      ) AS places,
      ARRAY(SELECT message::int FROM stale) AS stale,
      (
        SELECT coalesce(json_agg(json_build_object('place', place, 'value', value, 'unit', unit) ORDER BY place DESC), '[]')
        FROM differing
      ) AS conflicts
    FROM stream`;
  if (!row)
    throw new Error(`the workspace ${workspace} has no reading stream: ensureReadingStream was not called`);
  return row;
}

/** What came, as rows: by track, message, number and reading. */
function inputOf(columns: ReadingColumns): Prisma.Sql {
  return Prisma.sql`track AS MATERIALIZED (
      SELECT place - 1 AS track, device_id, metric, unit
      FROM unnest(${columns.deviceIds}::text[], ${columns.metrics}::text[], ${columns.units}::text[])
        WITH ORDINALITY AS t(device_id, metric, unit, place)
    ), message AS MATERIALIZED (
      SELECT place - 1 AS message, to_timestamp(received_ms / 1e3) AS received_at, postponed
      FROM unnest(${toArray(columns.receivedAtMs)}::float8[], ${columns.postponed}::boolean[])
        WITH ORDINALITY AS m(received_ms, postponed, place)
    ), number AS MATERIALIZED (
      SELECT place, device_sequence
      FROM unnest(${toArray(columns.numberedPlaces)}::int[], ${toArray(columns.numbers)}::bigint[]) AS n(place, device_sequence)
    ), input AS MATERIALIZED (
      SELECT r.place, r.message, r.value, to_timestamp(r.measured_us / 1e6) AS measured_at, r.quality, t.*
      FROM unnest(
        ${toArray(columns.messages)}::int[], ${toArray(columns.tracks)}::int[], ${toArray(columns.values)}::float8[],
        ${toArray(columns.measuredAtUs)}::float8[], ${toArray(columns.qualities)}::smallint[]
      ) WITH ORDINALITY AS r(message, track, value, measured_us, quality, place)
      JOIN track t USING (track)
    )`;
}

/** What of it is refused. */
function checksOf(workspace: WorkspaceId, columns: ReadingColumns): Prisma.Sql {
  const looksAhead = columns.owners.length >= 2 * columns.deviceIds.length;
  return Prisma.sql`held AS MATERIALIZED (
      SELECT id FROM devices.devices
      WHERE workspace_id = ${workspace} AND id = ANY(${[...new Set(columns.deviceIds)]}::text[])
      ORDER BY id FOR KEY SHARE
    ), declared AS MATERIALIZED (
      SELECT track FROM track JOIN held ON held.id = device_id
      JOIN devices.device_metrics m
        ON m.workspace_id = ${workspace} AND m.device_id = held.id AND m.name = metric AND m.unit = track.unit
    ), stale AS MATERIALIZED (
      SELECT DISTINCT message FROM input WHERE track NOT IN (SELECT track FROM declared)
    ), before AS MATERIALIZED (
      SELECT place, number.device_sequence, known.measured_at FROM number JOIN input USING (place)
      LEFT JOIN devices.reading_sequences known
        ON known.workspace_id = ${workspace} AND known.device_id = input.device_id AND known.metric = input.metric
        AND known.device_sequence = number.device_sequence
    ), newest AS MATERIALIZED (
      SELECT track, (
        SELECT max(r.measured_at) FROM devices.readings r
        WHERE r.workspace_id = ${workspace} AND r.device_id = track.device_id AND r.metric = track.metric
      ) AS measured_at
      FROM track WHERE ${looksAhead}::boolean
    ), suspect AS MATERIALIZED (
      SELECT input.*, coalesce(before.measured_at, input.measured_at) AS known_at FROM input
      LEFT JOIN before ON before.place = input.place
      LEFT JOIN newest ON newest.track = input.track
      WHERE NOT ${looksAhead}::boolean OR input.measured_at <= newest.measured_at OR before.measured_at IS NOT NULL
    ), differing AS MATERIALIZED (
      SELECT suspect.message, suspect.place, known.value, known.unit FROM suspect
      -- The limit makes it one look into the primary key for each reading, whatever the planner thinks of the table.
      CROSS JOIN LATERAL (
        SELECT r.value, r.unit FROM devices.readings r
        WHERE r.workspace_id = ${workspace} AND r.device_id = suspect.device_id AND r.metric = suspect.metric
          AND r.measured_at = suspect.known_at
        LIMIT 1
      ) known
      WHERE known.value <> suspect.value OR known.unit <> suspect.unit
    ), refused AS MATERIALIZED (
      SELECT message FROM stale UNION SELECT message FROM differing
      UNION SELECT message FROM message WHERE postponed
    )`;
}

/** What is stored of the rest. */
function storingOf(workspace: WorkspaceId, count: number): Prisma.Sql {
  return Prisma.sql`stream AS MATERIALIZED (
      UPDATE devices.reading_streams SET newest_sequence = newest_sequence + ${count}::int
      WHERE workspace_id = ${workspace} RETURNING newest_sequence - ${count}::int AS base
    ), numbered AS (
      INSERT INTO devices.reading_sequences (workspace_id, device_id, metric, device_sequence, measured_at)
      SELECT ${workspace}, input.device_id, input.metric, before.device_sequence, input.measured_at
      FROM stream CROSS JOIN before JOIN input USING (place)
      WHERE before.measured_at IS NULL AND message NOT IN (SELECT message FROM refused)
      ORDER BY place
      ON CONFLICT DO NOTHING
      RETURNING device_id, metric, measured_at
    ), inserted AS (
      INSERT INTO devices.readings
        (workspace_id, device_id, metric, measured_at, received_at, value, sequence, quality, unit)
      SELECT ${workspace}, device_id, metric, measured_at, received_at, value, base + place, quality, unit
      FROM stream CROSS JOIN input JOIN message USING (message)
      WHERE message NOT IN (SELECT message FROM refused) AND (
        place NOT IN (SELECT place FROM number)
        OR (device_id, metric, measured_at) IN (SELECT device_id, metric, measured_at FROM numbered)
      )
      ON CONFLICT (workspace_id, device_id, metric, measured_at) DO NOTHING
      RETURNING sequence
    )`;
}

/** An array of Postgres as a text: thousands of numbers are written at once, and not looked at one by one on the way. */
function toArray(numbers: readonly (number | string)[]): string {
  return `{${numbers.join(',')}}`;
}

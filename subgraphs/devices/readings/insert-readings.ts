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
 * the statement began. What another process stores after that shows as `raced`: something was not stored, and nothing that
 * was seen says why. The statement then fails, and sees the other's when it is made again.
 *
 * `newest` spares most readings the look for another value at their instant: what is newer than all that is stored of its
 * metric has none. That is worth its own look where several readings of a metric come at once.
 *
 * A reading with a number is stored when `numbered` could take the number down: it is unique, so of two processes that
 * bring it at once only one can. A number counts within one start of its device, see {@link numbersOf}.
 *
 * Errors: one that {@link isRaced} knows.
 */
export async function insertReadings(
  { client, workspace }: WorkspaceDatabase,
  columns: ReadingColumns,
): Promise<InsertedReadings> {
  const count = columns.owners.length;
  const [row] = await client.$queryRaw<InsertedReadings[]>`
    WITH ${inputOf(columns)}, ${numbersOf(workspace)}, ${checksOf(workspace, columns)}, ${storingOf(workspace, count)}
    SELECT base::text AS base,
      (
        SELECT CASE WHEN count(*) < ${count}::int
          THEN CASE WHEN ${racedIn()} THEN ARRAY[(${RACED}::text || base)::int]
            ELSE coalesce(array_agg((sequence - base)::int ORDER BY sequence), '{}') END
          END
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
      SELECT place, device_sequence, boot
      FROM unnest(${toArray(columns.numberedPlaces)}::int[], ${toArray(columns.numbers)}::bigint[], ${columns.boots}::text[])
        AS n(place, device_sequence, boot)
    ), input AS MATERIALIZED (
      SELECT r.place, r.message, r.value, to_timestamp(r.measured_us / 1e6) AS measured_at, r.quality, t.*
      FROM unnest(
        ${toArray(columns.messages)}::int[], ${toArray(columns.tracks)}::int[], ${toArray(columns.values)}::float8[],
        ${toArray(columns.measuredAtUs)}::float8[], ${toArray(columns.qualities)}::smallint[]
      ) WITH ORDINALITY AS r(message, track, value, measured_us, quality, place)
      JOIN track t USING (track)
    )`;
}

/** What came of another start lies so far behind the newest number at least: what is sent once more lies nearer. */
const RESTART_DISTANCE = 1_000;
/** After so long a number that comes again is another start: what is sent once more comes sooner. In seconds. */
const RESTART_AFTER_S = 3_600;

/**
 * What the numbers are that devices gave their readings. Where a device names its start (`boot`), a number is that of one
 * reading of each start. Where it does not, its starts are told apart by `run`: one begins (`anew`) with a number that lies
 * far behind the newest, that was there long ago, or that brings another value than before; with everything else of its
 * entry, and all that comes behind it.
 */
function numbersOf(workspace: WorkspaceId): Prisma.Sql {
  return Prisma.sql`before AS MATERIALIZED (
      SELECT number.*, input.message, input.device_id, input.metric, input.measured_at, coalesce(latest.run, 0) AS run,
        known.measured_at AS known_at,
        number.boot = '' AND (
          latest.newest::numeric - number.device_sequence > ${RESTART_DISTANCE}::int
          OR known.measured_at < input.measured_at - make_interval(secs => ${RESTART_AFTER_S}::int)
          OR EXISTS (
            SELECT FROM devices.readings r
            WHERE r.workspace_id = ${workspace} AND r.device_id = input.device_id AND r.metric = input.metric
              AND r.measured_at = known.measured_at AND (r.value <> input.value OR r.unit <> input.unit)
          )
        ) AS anew
      FROM number JOIN input USING (place)
      LEFT JOIN LATERAL (
        SELECT s.run, s.device_sequence AS newest FROM devices.reading_sequences s
        WHERE s.workspace_id = ${workspace} AND s.device_id = input.device_id AND s.metric = input.metric
          AND s.boot = number.boot
        ORDER BY s.run DESC, s.device_sequence DESC LIMIT 1
      ) latest ON true
      LEFT JOIN LATERAL (
        SELECT s.measured_at FROM devices.reading_sequences s
        WHERE s.workspace_id = ${workspace} AND s.device_id = input.device_id AND s.metric = input.metric
          AND s.boot = number.boot AND s.run = latest.run AND s.device_sequence = number.device_sequence
        LIMIT 1
      ) known ON true
    ), started AS MATERIALIZED (
      SELECT device_id, min(first) AS place
      FROM (
        SELECT device_id, anew, min(place) OVER (PARTITION BY message, device_sequence) AS first
        FROM before WHERE boot = ''
      ) entry
      WHERE anew GROUP BY device_id
    ), numbering AS MATERIALIZED (
      SELECT place, message, device_id, metric, measured_at, boot, device_sequence,
        CASE WHEN restarted THEN run + 1 ELSE run END AS run, CASE WHEN NOT restarted THEN known_at END AS known_at
      FROM (
        SELECT before.*, boot = '' AND coalesce(before.place >= started.place, false) AS restarted
        FROM before LEFT JOIN started USING (device_id)
      ) b
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
    ), newest AS MATERIALIZED (
      SELECT track, (
        SELECT max(r.measured_at) FROM devices.readings r
        WHERE r.workspace_id = ${workspace} AND r.device_id = track.device_id AND r.metric = track.metric
      ) AS measured_at
      FROM track WHERE ${looksAhead}::boolean
    ), suspect AS MATERIALIZED (
      SELECT input.*, coalesce(numbering.known_at, input.measured_at) AS known_at FROM input
      LEFT JOIN numbering ON numbering.place = input.place
      LEFT JOIN newest ON newest.track = input.track
      WHERE NOT ${looksAhead}::boolean OR input.measured_at <= newest.measured_at OR numbering.known_at IS NOT NULL
    ), there AS MATERIALIZED (
      SELECT suspect.message, suspect.place, known.value, known.unit,
        known.value <> suspect.value OR known.unit <> suspect.unit AS differs
      FROM suspect
      -- The limit makes it one look into the primary key for each reading, whatever the planner thinks of the table.
      CROSS JOIN LATERAL (
        SELECT r.value, r.unit FROM devices.readings r
        WHERE r.workspace_id = ${workspace} AND r.device_id = suspect.device_id AND r.metric = suspect.metric
          AND r.measured_at = suspect.known_at
        LIMIT 1
      ) known
    ), differing AS MATERIALIZED (
      SELECT message, place, value, unit FROM there WHERE differs
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
      INSERT INTO devices.reading_sequences (workspace_id, device_id, metric, boot, run, device_sequence, measured_at)
      SELECT ${workspace}, device_id, metric, boot, run, device_sequence, measured_at
      FROM stream CROSS JOIN numbering
      WHERE known_at IS NULL AND message NOT IN (SELECT message FROM refused)
      ORDER BY place
      ON CONFLICT DO NOTHING
      RETURNING device_id, metric, boot, run, device_sequence, measured_at
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
      RETURNING sequence, device_id, metric, measured_at
    )`;
}

/** Says in an error of the database what {@link isRaced} knows. */
const RACED = 'raced by another writer';

/** Whether readings could not be stored as another process stored some for the same instants or numbers just then. */
export function isRaced(error: unknown): boolean {
  return error instanceof Error && error.message.includes(RACED);
}

/** Whether something was not stored that is not refused, not there before, and not there now by this statement. */
function racedIn(): Prisma.Sql {
  return Prisma.sql`EXISTS (
      SELECT FROM input LEFT JOIN numbering USING (place)
      WHERE input.message NOT IN (SELECT message FROM refused) AND place NOT IN (SELECT place FROM there)
        AND numbering.known_at IS NULL
        AND (input.device_id, input.metric, input.measured_at) NOT IN (SELECT device_id, metric, measured_at FROM inserted)
        AND (numbering.place IS NULL
          OR (numbering.device_id, numbering.metric, numbering.boot, numbering.run, numbering.device_sequence) NOT IN (
            SELECT device_id, metric, boot, run, device_sequence FROM numbered
            WHERE (device_id, metric, measured_at) IN (SELECT device_id, metric, measured_at FROM inserted)
          ))
    )`;
}

/** An array of Postgres as a text: thousands of numbers are written at once, and not looked at one by one on the way. */
function toArray(numbers: readonly (number | string)[]): string {
  return `{${numbers.join(',')}}`;
}

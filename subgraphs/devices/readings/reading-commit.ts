import type { Database, WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { NewMessage, NewReading } from './new-reading.js';

/** A reading that has been stored, and its place in the workspace's order of commit. */
export interface StoredReading {
  readonly message: NewMessage;
  readonly reading: NewReading;
  readonly sequence: bigint;
}

/** What one commit did. */
export interface CommitOutcome {
  /** The commit took the sequences behind `base` up to `through`; those of repeated readings stay unused. */
  readonly base: bigint;
  readonly through: bigint;
  /** What was stored, by sequence: everything but what had been stored before. */
  readonly stored: readonly StoredReading[];
  /**
   * Messages of which nothing was stored, to be looked at again: their device is gone, or no longer declares one of their
   * metrics so; or a message of the same commit has another value for one of their instants.
   */
  readonly stale: ReadonlySet<NewMessage>;
  /** Messages of which nothing was stored, as there is another value at the instant of one of their readings. */
  readonly conflicts: ReadonlyMap<NewMessage, Conflict>;
}

/** A reading that cannot be stored, and what is there in its place. */
export interface Conflict {
  readonly reading: NewReading;
  readonly other: { readonly value: number; readonly unit: string };
}

/** Stores the readings of messages in one statement, and so all together or not at all. */
export type CommitReadings = (messages: readonly NewMessage[]) => Promise<CommitOutcome>;

/** Makes the way to store readings of one workspace. */
export function createReadingCommit(database: Database, workspace: WorkspaceId): CommitReadings {
  const rows = database.inWorkspace(workspace);
  return async (given) => {
    const { messages, postponed, conflicts } = sortOut(given);
    const columns = toColumns(messages, postponed);
    const row = await insertReadings(rows, columns);
    const base = BigInt(row.base);
    for (const { place, value, unit } of row.conflicts) {
      const owner = columns.owners[place - 1];
      if (owner) conflicts.set(owner.message, { reading: owner.reading, other: { value, unit } });
    }
    return {
      base,
      through: base + BigInt(columns.owners.length),
      stored: row.places
        .sort((a, b) => a - b)
        .flatMap((place) => {
          const owner = columns.owners[place - 1];
          return owner ? [{ ...owner, sequence: base + BigInt(place) }] : [];
        }),
      stale: new Set([
        ...[...postponed].filter((message) => !conflicts.has(message)),
        ...row.stale.flatMap((index) => messages[index] ?? []),
      ]),
      conflicts,
    };
  };
}

/** Makes sure that the workspace has a stream, without which nothing can be stored in it. */
export async function ensureReadingStream(database: Database, workspace: WorkspaceId): Promise<void> {
  await database.inWorkspace(workspace).client.$executeRaw`
    INSERT INTO devices.reading_streams (workspace_id) VALUES (${workspace}) ON CONFLICT DO NOTHING`;
}

interface Sorted {
  readonly messages: readonly NewMessage[];
  /** Those of them of which nothing is stored yet, as one before has another value for one of their instants. */
  readonly postponed: ReadonlySet<NewMessage>;
  /** Those that contradict themselves. */
  readonly conflicts: Map<NewMessage, Conflict>;
}

/** Makes sure that one statement stores one value for one instant: which of two it were would be chance otherwise. */
function sortOut(given: readonly NewMessage[]): Sorted {
  const known = new Map<string, NewReading>();
  const messages: NewMessage[] = [];
  const postponed = new Set<NewMessage>();
  const conflicts = new Map<NewMessage, Conflict>();
  for (const message of given) {
    const own = new Map<string, NewReading>();
    const contradicted = message.readings.some((reading) => {
      const key = `${message.deviceId} ${reading.metric} ${reading.measuredAtUs}`;
      const other = own.get(key);
      if (other && isOther(reading, other)) conflicts.set(message, { reading, other });
      own.set(key, reading);
      const others = known.get(key);
      return others !== undefined && isOther(reading, others);
    });
    if (conflicts.has(message)) continue;
    messages.push(message);
    if (contradicted) postponed.add(message);
    else for (const [key, reading] of own) known.set(key, reading);
  }
  return { messages, postponed, conflicts };
}

function isOther(one: NewReading, other: NewReading): boolean {
  return one.value !== other.value || one.unit !== other.unit;
}

interface Columns {
  readonly owners: { readonly message: NewMessage; readonly reading: NewReading }[];
  readonly messages: number[];
  readonly deviceIds: string[];
  readonly metrics: string[];
  readonly units: string[];
  readonly values: number[];
  readonly measuredAtUs: number[];
  readonly receivedAtMs: number[];
  readonly postponed: boolean[];
}

function toColumns(messages: readonly NewMessage[], postponed: ReadonlySet<NewMessage>): Columns {
  const columns: Columns = {
    owners: [],
    messages: [],
    deviceIds: [],
    metrics: [],
    units: [],
    values: [],
    measuredAtUs: [],
    receivedAtMs: [],
    postponed: [],
  };
  for (const [index, message] of messages.entries()) {
    for (const reading of message.readings) {
      columns.owners.push({ message, reading });
      columns.messages.push(index);
      columns.deviceIds.push(message.deviceId);
      columns.metrics.push(reading.metric);
      columns.units.push(reading.unit);
      columns.values.push(reading.value);
      columns.measuredAtUs.push(reading.measuredAtUs);
      columns.receivedAtMs.push(message.receivedAtMs);
      columns.postponed.push(postponed.has(message));
    }
  }
  return columns;
}

interface InsertRow {
  readonly base: string;
  /** Places in the input, from 1, of what was stored. */
  readonly places: number[];
  /** Indexes of stale messages. */
  readonly stale: number[];
  /** What is stored at places in the input that bring something else. */
  readonly conflicts: { readonly place: number; readonly value: number; readonly unit: string }[];
}

/**
 * One statement, so one transaction. What keeps it right beside other writers and a device's removal:
 *
 * `stream` updates the workspace's row and so holds it until the commit. A second writer waits there and then sees the
 * first one's number (Postgres re-reads a row it waited for), so sequences grow in the order of commit. `held` keeps the
 * devices from being removed until the commit; a removal that came first leaves it without them. `stale` are messages
 * with a reading that no declared metric of a held device takes in that unit any more: none of their readings is stored.
 * Nor is any of a message that `differing` names: one instant of a metric has one value. It sees what was committed before
 * the statement began; of two processes that bring two values for one instant at the same moment, the first is stored,
 * and the other counts as its repetition.
 */
async function insertReadings(rows: WorkspaceDatabase, columns: Columns): Promise<InsertRow> {
  const { client, workspace } = rows;
  const count = columns.owners.length;
  const [row] = await client.$queryRaw<InsertRow[]>`
    WITH input AS (
      SELECT * FROM unnest(
        ${columns.messages}::int[], ${columns.deviceIds}::text[], ${columns.metrics}::text[], ${columns.units}::text[],
        ${columns.values}::float8[], ${columns.measuredAtUs}::float8[], ${columns.receivedAtMs}::float8[], ${columns.postponed}::boolean[]
      ) WITH ORDINALITY AS t(message, device_id, metric, unit, value, measured_us, received_ms, postponed, place)
    ), held AS MATERIALIZED (
      SELECT id FROM devices.devices
      WHERE workspace_id = ${workspace} AND id = ANY(${[...new Set(columns.deviceIds)]}::text[])
      ORDER BY id FOR KEY SHARE
    ), declared AS MATERIALIZED (
      SELECT m.device_id, m.name, m.unit FROM devices.device_metrics m JOIN held ON held.id = m.device_id
      WHERE m.workspace_id = ${workspace}
    ), stale AS MATERIALIZED (
      SELECT DISTINCT input.message FROM input
      LEFT JOIN declared d ON d.device_id = input.device_id AND d.name = input.metric AND d.unit = input.unit
      WHERE d.name IS NULL
    ), differing AS MATERIALIZED (
      SELECT input.message, input.place, known.value, known.unit FROM input
      -- The limit makes it one look into the primary key for each reading, whatever the planner thinks of the table.
      CROSS JOIN LATERAL (
        SELECT r.value, r.unit FROM devices.readings r
        WHERE r.workspace_id = ${workspace} AND r.device_id = input.device_id AND r.metric = input.metric
          AND r.measured_at = to_timestamp(input.measured_us / 1e6)
        LIMIT 1
      ) known
      WHERE known.value <> input.value OR known.unit <> input.unit
    ), refused AS MATERIALIZED (
      SELECT message FROM stale UNION SELECT message FROM differing
    ), stream AS MATERIALIZED (
      UPDATE devices.reading_streams SET newest_sequence = newest_sequence + ${count}::int
      WHERE workspace_id = ${workspace} RETURNING newest_sequence - ${count}::int AS base
    ), inserted AS (
      INSERT INTO devices.readings
        (workspace_id, device_id, metric, measured_at, received_at, value, unit, sequence)
      SELECT ${workspace}, device_id, metric, to_timestamp(measured_us / 1e6), to_timestamp(received_ms / 1e3),
        value, unit, base + place
      FROM stream CROSS JOIN input WHERE NOT postponed AND message NOT IN (SELECT message FROM refused)
      ON CONFLICT (workspace_id, device_id, metric, measured_at) DO NOTHING
      RETURNING sequence
    )
    SELECT base::text AS base,
      ARRAY(SELECT (sequence - base)::int FROM inserted) AS places,
      ARRAY(SELECT message FROM stale) AS stale,
      (
        SELECT coalesce(json_agg(json_build_object('place', place, 'value', value, 'unit', unit) ORDER BY place DESC), '[]')
        FROM differing
      ) AS conflicts
    FROM stream`;
  if (!row)
    throw new Error(`the workspace ${workspace} has no reading stream: ensureReadingStream was not called`);
  return row;
}

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
  /** Messages of which nothing was stored: their device is gone, or no longer declares one of their metrics so. */
  readonly stale: ReadonlySet<NewMessage>;
}

/** Stores the readings of messages in one statement, and so all together or not at all. */
export type CommitReadings = (messages: readonly NewMessage[]) => Promise<CommitOutcome>;

/** Makes the way to store readings of one workspace. */
export function createReadingCommit(database: Database, workspace: WorkspaceId): CommitReadings {
  const rows = database.inWorkspace(workspace);
  return async (messages) => {
    const columns = toColumns(messages);
    const row = await insertReadings(rows, columns);
    const base = BigInt(row.base);
    return {
      base,
      through: base + BigInt(columns.owners.length),
      stored: row.places
        .sort((a, b) => a - b)
        .flatMap((place) => {
          const owner = columns.owners[place - 1];
          return owner ? [{ ...owner, sequence: base + BigInt(place) }] : [];
        }),
      stale: new Set(row.stale.flatMap((index) => messages[index] ?? [])),
    };
  };
}

/** Makes sure that the workspace has a stream, without which nothing can be stored in it. */
export async function ensureReadingStream(database: Database, workspace: WorkspaceId): Promise<void> {
  await database.inWorkspace(workspace).client.$executeRaw`
    INSERT INTO devices.reading_streams (workspace_id) VALUES (${workspace}) ON CONFLICT DO NOTHING`;
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
}

function toColumns(messages: readonly NewMessage[]): Columns {
  const columns: Columns = {
    owners: [],
    messages: [],
    deviceIds: [],
    metrics: [],
    units: [],
    values: [],
    measuredAtUs: [],
    receivedAtMs: [],
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
}

/**
 * One statement, so one transaction. What keeps it right beside other writers and a device's removal:
 *
 * `stream` updates the workspace's row and so holds it until the commit. A second writer waits there and then sees the
 * first one's number (Postgres re-reads a row it waited for), so sequences grow in the order of commit. `held` keeps the
 * devices from being removed until the commit; a removal that came first leaves it without them. `stale` are messages
 * with a reading that no declared metric of a held device takes in that unit any more: none of their readings is stored.
 */
async function insertReadings(rows: WorkspaceDatabase, columns: Columns): Promise<InsertRow> {
  const { client, workspace } = rows;
  const count = columns.owners.length;
  const [row] = await client.$queryRaw<InsertRow[]>`
    WITH input AS (
      SELECT * FROM unnest(
        ${columns.messages}::int[], ${columns.deviceIds}::text[], ${columns.metrics}::text[], ${columns.units}::text[],
        ${columns.values}::float8[], ${columns.measuredAtUs}::float8[], ${columns.receivedAtMs}::float8[]
      ) WITH ORDINALITY AS t(message, device_id, metric, unit, value, measured_us, received_ms, place)
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
    ), stream AS MATERIALIZED (
      UPDATE devices.reading_streams SET newest_sequence = newest_sequence + ${count}::int
      WHERE workspace_id = ${workspace} RETURNING newest_sequence - ${count}::int AS base
    ), inserted AS (
      INSERT INTO devices.readings
        (workspace_id, device_id, metric, measured_at, received_at, value, unit, sequence)
      SELECT ${workspace}, device_id, metric, to_timestamp(measured_us / 1e6), to_timestamp(received_ms / 1e3),
        value, unit, base + place
      FROM stream CROSS JOIN input WHERE message NOT IN (SELECT message FROM stale)
      ON CONFLICT (workspace_id, device_id, metric, measured_at) DO NOTHING
      RETURNING sequence
    )
    SELECT base::text AS base,
      ARRAY(SELECT (sequence - base)::int FROM inserted) AS places,
      ARRAY(SELECT message FROM stale) AS stale
    FROM stream`;
  if (!row)
    throw new Error(`the workspace ${workspace} has no reading stream: ensureReadingStream was not called`);
  return row;
}

import type { Database, WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { insertReadings, isRaced, type InsertedReadings } from './insert-readings.js';
import type { NewMessage, NewReading } from './new-reading.js';
import { lacksPartition, type Partitions } from './partitions.js';
import { toReadingColumns, type ReadingColumns } from './reading-columns.js';
import { sortOutMessages, type Conflict } from './sort-out-messages.js';

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

/** Stores the readings of messages in one statement, and so all together or not at all. */
export type CommitReadings = (messages: readonly NewMessage[]) => Promise<CommitOutcome>;

export interface ReadingCommitDeps {
  readonly database: Database;
  readonly workspace: WorkspaceId;
  /** Of the readings. */
  readonly partitions: Partitions;
}

/** Makes the way to store readings of one workspace. */
export function createReadingCommit({ database, workspace, partitions }: ReadingCommitDeps): CommitReadings {
  const rows = database.inWorkspace(workspace);
  return async (given) => {
    const { messages, postponed, conflicts } = sortOutMessages(given);
    const columns = toReadingColumns(messages, postponed);
    const row = await insertIntoPartitions(rows, columns, partitions);
    const base = BigInt(row.base);
    for (const { place, value, unit } of row.conflicts) {
      const owner = columns.owners[place - 1];
      if (owner) conflicts.set(owner.message, { reading: owner.reading, other: { value, unit } });
    }
    return {
      base,
      through: base + BigInt(columns.owners.length),
      stored: toStored(columns, row.places, base),
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

function toStored(
  { owners }: ReadingColumns,
  places: readonly number[] | null,
  base: bigint,
): StoredReading[] {
  if (places === null)
    return owners.map((owner, index) => ({ ...owner, sequence: base + BigInt(index + 1) }));
  return places.flatMap((place) => {
    const owner = owners[place - 1];
    return owner ? [{ ...owner, sequence: base + BigInt(place) }] : [];
  });
}

/**
 * How often it is tried again when another process drops a partition just when a late reading comes for it, or stores
 * readings for the same instants just then.
 */
const MAX_ATTEMPTS = 3;

async function insertIntoPartitions(
  rows: WorkspaceDatabase,
  columns: ReadingColumns,
  partitions: Partitions,
): Promise<InsertedReadings> {
  const instantsMs = columns.measuredAtUs.map((us) => us / 1_000);
  for (let attempt = 1; ; attempt += 1) {
    await partitions.ensure(instantsMs);
    try {
      return await insertReadings(rows, columns);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS) throw error;
      if (lacksPartition(error)) partitions.forget();
      else if (!isRaced(error)) throw error;
    }
  }
}

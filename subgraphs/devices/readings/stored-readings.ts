import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ReadingModel } from '../models.js';

/** Which readings a stream is about; undefined means all. */
export interface ReadingFilter {
  readonly deviceIds?: readonly string[];
  readonly metrics?: readonly string[];
}

/** A stored reading in the order of commit. */
export interface SequencedReading extends ReadingModel {
  readonly sequence: bigint;
}

/** A stretch of the stream. */
export interface ReadingPage {
  /** The readings of the stretch that the filter lets through, oldest first. */
  readonly readings: readonly SequencedReading[];
  /** The end of the stretch: nothing up to here is left to read. */
  readonly through: bigint;
  /** Whether the stretch reaches to the newest reading. */
  readonly complete: boolean;
}

/** Up to where a workspace's stream goes, and up to where retention has removed it; 0 for nothing. */
export interface StreamEnds {
  readonly newest: bigint;
  readonly pruned: bigint;
}

/** Reads the stream of a workspace's readings from storage. */
export interface StoredReadings {
  ends(): Promise<StreamEnds>;
  /** The stretch after a sequence that holds at most `limit` readings before they are filtered. */
  readAfter(sequence: bigint, limit: number, filter: ReadingFilter): Promise<ReadingPage>;
}

interface PageRow {
  readonly scanned: number;
  readonly last: bigint | null;
  readonly newest: bigint;
  readonly sequence: bigint | null;
  readonly device_id: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly measured_at: Date;
  readonly received_at: Date;
}

/** Makes the reader of one workspace's stream. */
export function createStoredReadings(database: Database, workspace: WorkspaceId): StoredReadings {
  const { client } = database.inWorkspace(workspace);
  return {
    async ends() {
      const row = await client.readingStream.findFirst({
        select: { newestSequence: true, prunedSequence: true },
      });
      return { newest: row?.newestSequence ?? 0n, pruned: row?.prunedSequence ?? 0n };
    },
    async readAfter(after, limit, { deviceIds = null, metrics = null }) {
      // The filter is applied to a bounded stretch, so that one statement never walks through the whole table for a
      // device that seldom speaks; and the stream's end is told by the same snapshot that the readings come from.
      const rows = await client.$queryRaw<PageRow[]>`
        WITH stretch AS MATERIALIZED (
          SELECT sequence, device_id, metric, value, unit, measured_at, received_at FROM devices.readings
          WHERE workspace_id = ${workspace} AND sequence > ${after} ORDER BY sequence LIMIT ${limit}
        ), ends AS (
          SELECT (SELECT count(*)::int FROM stretch) AS scanned, (SELECT max(sequence) FROM stretch) AS last,
            coalesce((SELECT newest_sequence FROM devices.reading_streams WHERE workspace_id = ${workspace}), 0) AS newest
        )
        SELECT ends.*, stretch.* FROM ends LEFT JOIN stretch
          ON (${deviceIds}::text[] IS NULL OR device_id = ANY(${deviceIds}::text[]))
          AND (${metrics}::text[] IS NULL OR metric = ANY(${metrics}::text[]))
        ORDER BY sequence`;
      return toPage(rows, after, limit);
    },
  };
}

function toPage(rows: readonly PageRow[], after: bigint, limit: number): ReadingPage {
  const [first] = rows;
  if (!first) return { readings: [], through: after, complete: true };
  const complete = first.scanned < limit;
  const end = complete ? first.newest : (first.last ?? after);
  return {
    readings: rows.flatMap((row) => (row.sequence === null ? [] : [toReading(row, row.sequence)])),
    through: end > after ? end : after,
    complete,
  };
}

function toReading(row: PageRow, sequence: bigint): SequencedReading {
  return {
    sequence,
    deviceId: row.device_id,
    metric: row.metric,
    value: row.value,
    unit: row.unit,
    measuredAt: row.measured_at,
    receivedAt: row.received_at,
  };
}

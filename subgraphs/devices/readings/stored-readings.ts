import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ReadingModel } from '../models.js';
import { toQuality } from './quality.js';

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
  /** Up to here some readings have been removed. */
  readonly thinned: bigint;
}

/** Up to where a workspace's stream goes, and up to where retention has removed it; 0 for nothing. */
export interface StreamEnds {
  readonly newest: bigint;
  readonly pruned: bigint;
}

/** Reads the stream of a workspace's readings from storage. */
export interface StoredReadings {
  ends(): Promise<StreamEnds>;
  /**
   * The stretch of `span` sequences after one; longer where retention has removed all of it and more. It has fewer
   * readings where the filter leaves some out, or where those of a removed device were.
   */
  readAfter(sequence: bigint, span: number, filter: ReadingFilter): Promise<ReadingPage>;
}

interface PageRow {
  readonly through: bigint;
  readonly newest: bigint;
  readonly sequence: bigint | null;
  readonly device_id: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly measured_at: Date;
  readonly received_at: Date;
  readonly quality: number;
  readonly thinned: bigint;
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
    async readAfter(after, span, { deviceIds = null, metrics = null }) {
      // A range of sequences, and no LIMIT, bounds what one statement looks at: also when most of it is filtered out, and
      // also before the planner has statistics, which it never gets by itself in the embedded Postgres. The stream's end
      // is told by the same snapshot that the readings come from.
      const end = after + BigInt(span);
      const rows = await client.$queryRaw<PageRow[]>`
        SELECT least(greatest(${end}, s.pruned_sequence), s.newest_sequence) AS through, s.newest_sequence AS newest,
          r.sequence, r.device_id, r.metric, r.value, r.unit, r.measured_at, r.received_at, r.quality,
          s.thinned_sequence AS thinned
        FROM devices.reading_streams s LEFT JOIN devices.readings r
          ON r.workspace_id = ${workspace} AND r.sequence > ${after} AND r.sequence <= ${end}
          AND (${deviceIds}::text[] IS NULL OR r.device_id = ANY(${deviceIds}::text[]))
          AND (${metrics}::text[] IS NULL OR r.metric = ANY(${metrics}::text[]))
          -- Those of a removed device wait for their deletion. A scalar, so that it is one look into the primary key for
          -- each reading: as EXISTS it might be a walk through all devices.
          AND (SELECT true FROM devices.devices d WHERE d.workspace_id = ${workspace} AND d.id = r.device_id)
        WHERE s.workspace_id = ${workspace}
        ORDER BY r.sequence`;
      return toPage(rows, after);
    },
  };
}

function toPage(rows: readonly PageRow[], after: bigint): ReadingPage {
  const [first] = rows;
  if (!first) return { readings: [], through: after, complete: true, thinned: 0n };
  return {
    readings: rows.flatMap((row) => (row.sequence === null ? [] : [toReading(row, row.sequence)])),
    // A reader may stand behind the newest: where its cursor is from another database.
    through: first.through > after ? first.through : after,
    complete: first.through >= first.newest,
    thinned: first.thinned,
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
    quality: toQuality(row.quality),
  };
}

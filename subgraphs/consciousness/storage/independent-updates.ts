import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { measurementRow, toMeasurement, type Measurement } from '../live/measurement.js';

/** Stored updates whose windows share no data. */
export interface IndependentUpdates {
  /**
   * The newest update up to an instant, the newest one that ended before the window of that began, and so on back for 24 hours
   * at most; newest first, at most 96.
   */
  readUpTo(instant: Date): Promise<readonly Measurement[]>;
}

/** More than a baseline takes, as some of them may be of other signals. */
const MOST = 96;
const OLDEST_MS = 86_400_000;
/** An update without samples is of reports alone, which count for so long, in seconds. */
const REPORT_SECONDS = 30;

/** The independent updates of a workspace: one step by the index for each of them, however many updates lie between. */
export function createIndependentUpdates(database: Database, workspace: WorkspaceId): IndependentUpdates {
  const { client } = database.inWorkspace(workspace);
  return {
    async readUpTo(instant) {
      const oldest = new Date(instant.getTime() - OLDEST_MS);
      const found = await client.$queryRaw<{ sequence: bigint }[]>`
        WITH RECURSIVE chosen AS (
          (SELECT sequence, measured_at, detail, 1 AS place FROM consciousness.measurements
           WHERE workspace_id = ${workspace} AND measured_at <= ${instant}::timestamptz
             AND measured_at >= ${oldest}::timestamptz
           ORDER BY measured_at DESC LIMIT 1)
          UNION ALL
          SELECT earlier.sequence, earlier.measured_at, earlier.detail, chosen.place + 1
          FROM chosen CROSS JOIN LATERAL (
            SELECT sequence, measured_at, detail FROM consciousness.measurements
            WHERE workspace_id = ${workspace} AND measured_at >= ${oldest}::timestamptz
              AND measured_at <= chosen.measured_at - make_interval(secs => greatest(
                (chosen.detail #>> '{window,samples}')::double precision
                  / (chosen.detail #>> '{window,rateHz}')::double precision,
                CASE WHEN (chosen.detail #>> '{window,samples}')::int = 0 THEN ${REPORT_SECONDS}::int ELSE 0.001 END))
            ORDER BY measured_at DESC LIMIT 1
          ) AS earlier
          WHERE chosen.place < ${MOST}::int
        )
        SELECT sequence FROM chosen`;
      const where = { sequence: { in: found.map(({ sequence }) => sequence) } };
      const rows = await client.measurement.findMany({ where, orderBy: { measuredAt: 'desc' } });
      return rows.map((row) => toMeasurement(measurementRow.parse(row)));
    },
  };
}

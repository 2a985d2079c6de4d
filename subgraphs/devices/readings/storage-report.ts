import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { parsePartition } from './partition-plan.js';

/** How readings are stored. */
export interface StorageReport {
  readonly engine: 'EMBEDDED_POSTGRES' | 'POSTGRES_SERVER';
  /** Of Postgres. */
  readonly version: string;
  /** Of the extension, which is not used; null where the database does not have it. */
  readonly timescaleVersion: string | null;
  /** Oldest first. */
  readonly partitions: { readonly from: Date; readonly to: Date; readonly bytes: number }[];
  /** Readings of the workspace that are not in the roll-ups yet. */
  readonly readingsBehindRollups: number;
}

interface ReportRow {
  readonly version: string;
  readonly timescale: string | null;
  readonly behind: number;
}

/** Looks how readings are stored. */
export async function reportStorage(database: Database, workspace: WorkspaceId): Promise<StorageReport> {
  const { client } = database.inWorkspace(workspace);
  const [row] = await client.$queryRaw<ReportRow[]>`
    SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
      (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescale,
      coalesce((
        SELECT s.newest_sequence - r.rolled_sequence FROM devices.reading_streams s
        JOIN devices.reading_rollups r USING (workspace_id) WHERE s.workspace_id = ${workspace}
      ), 0)::float8 AS behind`;
  const tables = await client.$queryRaw<{ readonly name: string; readonly bytes: number }[]>`
    SELECT child.relname::text AS name, pg_total_relation_size(child.oid)::float8 AS bytes FROM pg_inherits
    JOIN pg_class child ON child.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = 'devices.readings'::regclass`;
  const partitions = tables.flatMap(({ name, bytes }) => {
    const stretch = parsePartition('readings', name);
    return stretch ? [{ from: new Date(stretch.fromMs), to: new Date(stretch.toMs), bytes }] : [];
  });
  return {
    engine: database.kind === 'embedded' ? 'EMBEDDED_POSTGRES' : 'POSTGRES_SERVER',
    version: row?.version ?? 'unknown',
    timescaleVersion: row?.timescale ?? null,
    partitions: partitions.sort((one, other) => one.from.getTime() - other.from.getTime()),
    readingsBehindRollups: row?.behind ?? 0,
  };
}

import { setImmediate } from 'node:timers/promises';
import type { WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { Partitions } from './partitions.js';

export interface OrphanOptions {
  /** Of the readings, or of a roll-up. */
  readonly partitions: Partitions;
  readonly chunkSize: number;
  readonly isClosed: () => boolean;
}

/** Removes the rows of all devices that are no more, in chunks, until it is closed; returns how many. */
export async function pruneOrphans(scope: WorkspaceDatabase, options: OrphanOptions): Promise<number> {
  const { partitions, chunkSize, isClosed } = options;
  const deviceIds = isClosed() ? [] : await findRemovedDevices(scope, partitions.table);
  const tables = deviceIds.length > 0 ? await partitions.list() : [];
  let removed = 0;
  for (const deviceId of deviceIds) {
    for (const { table } of tables) {
      for (let count = chunkSize; count === chunkSize && !isClosed(); removed += count) {
        count = await removeRows(scope, { table, deviceId, limit: chunkSize });
        // Readings that arrive meanwhile come first.
        await setImmediate();
      }
    }
  }
  return removed;
}

/**
 * The devices that rows tell of and that are no more. Each step of the recursion is one look into the primary key, to the
 * next device that has rows: as many looks as there are devices, however many rows there are.
 */
async function findRemovedDevices(
  { client, workspace }: WorkspaceDatabase,
  table: string,
): Promise<readonly string[]> {
  const rows = await client.$queryRawUnsafe<{ readonly id: string }[]>(
    `WITH RECURSIVE measured(id) AS (
      (SELECT device_id FROM devices.${table} WHERE workspace_id = $1 ORDER BY workspace_id, device_id LIMIT 1)
      UNION ALL
      SELECT (
        SELECT device_id FROM devices.${table} WHERE workspace_id = $1 AND device_id > measured.id
        ORDER BY workspace_id, device_id LIMIT 1
      )
      FROM measured WHERE measured.id IS NOT NULL
    )
    SELECT measured.id FROM measured
    WHERE measured.id IS NOT NULL AND NOT EXISTS (
      SELECT FROM devices.devices WHERE workspace_id = $1 AND devices.id = measured.id
    )`,
    workspace,
  );
  return rows.map(({ id }) => id);
}

/** Removes at most so many rows of a device that is no more from one partition; returns how many. */
function removeRows(
  { client, workspace }: WorkspaceDatabase,
  { table, deviceId, limit }: { readonly table: string; readonly deviceId: string; readonly limit: number },
): Promise<number> {
  return client.$executeRawUnsafe(
    `DELETE FROM devices.${table} WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM devices.${table} WHERE workspace_id = $1 AND device_id = $2 LIMIT $3::int
    ))`,
    ...[workspace, deviceId, limit],
  );
}

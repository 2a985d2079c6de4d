import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { COMMAND_COLUMNS } from './command-row.js';
import type { CommandState, DeviceCommandModel } from '../models.js';

/** A stretch of a device's commands, newest first. */
export interface CommandsKey {
  readonly deviceId: string;
  readonly states: readonly CommandState[] | undefined;
  readonly limit: number;
  /** Only those that were queued before the one with this sequence. */
  readonly behind: bigint | undefined;
}

/** Reads commands by id, in one statement; undefined where there is none. */
export async function findCommands(
  database: Database,
  workspace: WorkspaceId,
  ids: readonly string[],
): Promise<(DeviceCommandModel | undefined)[]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<DeviceCommandModel[]>`
    SELECT ${COMMAND_COLUMNS} FROM devices.commands c
    WHERE workspace_id = ${workspace} AND id = ANY(${ids.filter((id) => !id.includes('\0'))}::text[])`;
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id));
}

/** Reads pages of the commands of devices, newest first: one statement, however many. */
export async function listCommands(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly CommandsKey[],
): Promise<DeviceCommandModel[][]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<
    (DeviceCommandModel & { readonly place: number })[]
  >`
    SELECT w.place, ${COMMAND_COLUMNS}
    FROM unnest(
      ${keys.map((_key, place) => place)}::int[],
      ${keys.map(({ deviceId }) => deviceId)}::text[],
      ${keys.map(({ states }) => (states ? JSON.stringify(states) : null))}::text[],
      ${keys.map(({ behind }) => behind ?? null)}::bigint[],
      ${keys.map(({ limit }) => limit)}::int[]
    ) AS w(place, device_id, states, behind, size)
    CROSS JOIN LATERAL (
      SELECT * FROM devices.commands
      WHERE workspace_id = ${workspace} AND device_id = w.device_id
        AND sequence < coalesce(w.behind, 9223372036854775807)
        AND (w.states IS NULL OR jsonb_exists(w.states::jsonb, state))
      ORDER BY sequence DESC LIMIT w.size
    ) c
    ORDER BY w.place, c.sequence DESC`;
  const lists: DeviceCommandModel[][] = keys.map(() => []);
  for (const { place, ...command } of rows) lists[place]?.push(command);
  return lists;
}

import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';

/** How far the clock of a device is ahead of ours. */
export interface ClockSkew {
  readonly deviceId: string;
  /** Milliseconds; negative for a clock that is behind. */
  readonly skewMs: number;
  /** When it was last told, in milliseconds since 1970. */
  readonly observedAtMs: number;
}

/** Keeps skews, in one statement; those of devices that have been removed meanwhile are passed over. */
export async function storeClockSkews(
  database: Database,
  workspace: WorkspaceId,
  skews: readonly ClockSkew[],
): Promise<void> {
  await database.inWorkspace(workspace).client.$executeRaw`
    INSERT INTO devices.device_clocks AS known (workspace_id, device_id, skew_ms, observed_at)
    SELECT ${workspace}, d.id, t.skew_ms, to_timestamp(t.observed_ms / 1e3)
    FROM unnest(
      ${skews.map(({ deviceId }) => deviceId)}::text[],
      ${skews.map(({ skewMs }) => skewMs)}::float8[],
      ${skews.map(({ observedAtMs }) => observedAtMs)}::float8[]
    ) AS t(device_id, skew_ms, observed_ms)
    JOIN devices.devices d ON d.workspace_id = ${workspace} AND d.id = t.device_id
    ORDER BY d.id
    FOR KEY SHARE OF d
    ON CONFLICT (workspace_id, device_id) DO UPDATE
      SET skew_ms = excluded.skew_ms, observed_at = greatest(known.observed_at, excluded.observed_at)`;
}

/** Shape: n device ids in; n skews in milliseconds out, undefined where none is known. */
export async function readClockSkews(
  database: Database,
  workspace: WorkspaceId,
  deviceIds: readonly string[],
): Promise<(number | undefined)[]> {
  const rows = await database.inWorkspace(workspace).client.deviceClock.findMany({
    where: { deviceId: { in: [...deviceIds] } },
    select: { deviceId: true, skewMs: true },
  });
  const byDevice = new Map(rows.map(({ deviceId, skewMs }) => [deviceId, skewMs]));
  return deviceIds.map((id) => byDevice.get(id));
}

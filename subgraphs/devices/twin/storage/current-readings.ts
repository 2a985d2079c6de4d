import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ReadingModel } from '../../models.js';
import { toQuality } from '../../readings/quality.js';

/** A metric of a device. */
export interface CurrentReadingKey {
  readonly deviceId: string;
  readonly metric: string;
}

/**
 * When a reading was current, in milliseconds since 1970: one that came late, when it was measured; one with a time stamp
 * ahead of our clock, when it arrived.
 */
export function currentAtMs({
  measuredAt,
  receivedAt,
}: Pick<ReadingModel, 'measuredAt' | 'receivedAt'>): number {
  return Math.min(measuredAt.getTime(), receivedAt.getTime());
}

interface CurrentRow {
  readonly place: number;
  readonly value: number;
  readonly unit: string;
  readonly measured_at: Date;
  readonly received_at: Date;
  readonly quality: number;
}

/**
 * Reads the reading of each metric that tells most of now, by {@link currentAtMs}; undefined where there is none. A reading
 * that is more current than the one with the newest time stamp was measured after that one was current: only those few are
 * looked at.
 *
 * Shape: n keys in; n readings out, by one statement.
 */
export async function readCurrent(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly CurrentReadingKey[],
): Promise<(ReadingModel | undefined)[]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<CurrentRow[]>`
    SELECT w.place, r.value, r.unit, r.measured_at, r.received_at, r.quality
    FROM unnest(
      ${keys.map((_key, place) => place)}::int[],
      ${keys.map(({ deviceId }) => deviceId)}::text[],
      ${keys.map(({ metric }) => metric)}::text[]
    ) AS w(place, device_id, metric)
    JOIN devices.device_metrics m
      ON m.workspace_id = ${workspace} AND m.device_id = w.device_id AND m.name = w.metric
    CROSS JOIN LATERAL (
      SELECT LEAST(measured_at, received_at) AS current_at FROM devices.readings
      WHERE workspace_id = m.workspace_id AND device_id = m.device_id AND metric = m.name
      ORDER BY measured_at DESC LIMIT 1
    ) newest
    CROSS JOIN LATERAL (
      SELECT * FROM devices.readings
      WHERE workspace_id = m.workspace_id AND device_id = m.device_id AND metric = m.name
        AND measured_at >= newest.current_at
      ORDER BY LEAST(measured_at, received_at) DESC, sequence DESC LIMIT 1
    ) r`;
  const readings: (ReadingModel | undefined)[] = keys.map(() => undefined);
  for (const row of rows) {
    const key = keys[row.place];
    if (!key) continue;
    readings[row.place] = {
      ...{ deviceId: key.deviceId, metric: key.metric, value: row.value, unit: row.unit },
      ...{ measuredAt: row.measured_at, receivedAt: row.received_at, quality: toQuality(row.quality) },
    };
  }
  return readings;
}

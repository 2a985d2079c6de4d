import type { Database } from '../../../kernel/database/database.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ReadingModel } from '../models.js';
import { isMetricName, MAX_METRICS } from '../metric-name.js';
import { toQuality } from './quality.js';

/** The newest readings of one device that are asked for. */
export interface LatestKey {
  readonly deviceId: string;
  /** Undefined means every metric that the device declares. */
  readonly metrics: readonly string[] | undefined;
  /** How many readings of each metric. */
  readonly count: number;
}

/** The most readings of each metric. */
const MAX_COUNT = 100;

/**
 * Checks what is asked of a device's newest readings; each name counts once, and one that no metric can have is left out.
 *
 * Errors: BAD_USER_INPUT for more names than a device can have metrics, and for too many readings of each.
 */
export function checkLatestKey({
  deviceId,
  metrics,
  count = 1,
}: {
  readonly deviceId: string;
  readonly metrics?: readonly string[] | null | undefined;
  readonly count?: number;
}): LatestKey {
  if (count < 1 || count > MAX_COUNT)
    throw new AegisError('BAD_USER_INPUT', `count: expected 1 to ${MAX_COUNT}, got ${count}.`);
  const names = metrics == null ? undefined : [...new Set(metrics)];
  if (names && names.length > MAX_METRICS) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `metrics: expected at most ${MAX_METRICS} names, got ${names.length}; leave it out for all.`,
    );
  }
  return { deviceId, metrics: names?.filter(isMetricName), count };
}

interface LatestRow {
  readonly place: number;
  readonly device_id: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly measured_at: Date;
  readonly received_at: Date;
  readonly quality: number;
}

/**
 * Reads the newest readings of each wanted metric, for any number of devices in one statement.
 *
 * Shape: n keys in; n lists out, each in the order in which the device declares its metrics, and newest first.
 */
export async function readLatest(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly LatestKey[],
): Promise<ReadingModel[][]> {
  const wanted = keys.flatMap(({ deviceId, metrics, count }, place) =>
    (metrics ?? [null]).map((metric) => ({ place, deviceId, metric, count })),
  );
  const rows = await database.inWorkspace(workspace).client.$queryRaw<LatestRow[]>`
    SELECT w.place, r.device_id, r.metric, r.value, r.unit, r.measured_at, r.received_at, r.quality
    FROM unnest(
      ${wanted.map(({ place }) => place)}::int[],
      ${wanted.map(({ deviceId }) => deviceId)}::text[],
      ${wanted.map(({ metric }) => metric)}::text[],
      ${wanted.map(({ count }) => count)}::int[]
    ) AS w(place, device_id, metric, count)
    JOIN devices.device_metrics m
      ON m.workspace_id = ${workspace} AND m.device_id = w.device_id AND (w.metric IS NULL OR m.name = w.metric)
    CROSS JOIN LATERAL (
      SELECT * FROM devices.readings
      WHERE workspace_id = m.workspace_id AND device_id = m.device_id AND metric = m.name
      ORDER BY measured_at DESC LIMIT w.count
    ) r
    ORDER BY w.place, m.position, r.measured_at DESC`;
  const lists: ReadingModel[][] = keys.map(() => []);
  for (const row of rows) {
    lists[row.place]?.push({
      deviceId: row.device_id,
      metric: row.metric,
      value: row.value,
      unit: row.unit,
      measuredAt: row.measured_at,
      receivedAt: row.received_at,
      quality: toQuality(row.quality),
    });
  }
  return lists;
}

import type { Database, WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { historyPoint, mergePoints, type HistoryPoint } from '../history/history-point.js';

/** A stretch of time; its end is outside it. */
export interface Span {
  readonly from: Date;
  readonly to: Date;
}

/** The history of one workspace's numbers, as it is stored. */
export interface Rollups {
  /** Updates as they were measured, oldest first, at most `limit`. */
  readUpdates(span: Span, limit: number): Promise<readonly HistoryPoint[]>;
  /** Whether updates of before the instant have been removed, so that only steps tell of it. */
  isPruned(at: Date): Promise<boolean>;
  /** Points by the minute or the hour, those that are not rolled up yet included. */
  readSteps(step: 'MINUTE' | 'HOUR', span: Span): Promise<readonly HistoryPoint[]>;
  /** Rolls up what has passed since the last time. */
  roll(now: Date): Promise<void>;
  /** Removes points by the minute from before an instant. */
  pruneMinutes(before: Date): Promise<number>;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

const COLUMNS = [
  ['phi', 'phi'],
  ['coherence', 'coherence'],
  ['stability', 'stability'],
  ['divergence', 'divergence'],
  ['level', 'level'],
  ['collectiveAwareness', 'collective_awareness'],
  ['systemHealth', 'system_health'],
] as const;

/** A point as a statement gives it. */
interface PointRow {
  readonly at: Date;
  readonly count: number;
  readonly simulated: boolean | null;
  readonly values: unknown;
}

/** The least, greatest and mean of each column, as JSON: `{"phi": [count, minimum, maximum, mean], …}`. */
const SUMMARY = `jsonb_build_object(${COLUMNS.map(
  ([name, column]) =>
    `'${name}', jsonb_build_array(count(${column}), min(${column}), max(${column}), avg(${column}))`,
).join(', ')})`;

const SINGLE = `jsonb_build_object(${COLUMNS.map(
  ([name, column]) =>
    `'${name}', jsonb_build_array(CASE WHEN ${column} IS NULL THEN 0 ELSE 1 END, ${column}, ${column}, ${column})`,
).join(', ')})`;

/** The history of a workspace. */
export function createRollups(database: Database, workspace: WorkspaceId): Rollups {
  const { client } = database.inWorkspace(workspace);

  async function readMinutesOfUpdates({ from, to }: Span): Promise<readonly HistoryPoint[]> {
    if (from >= to) return [];
    const rows = await client.$queryRawUnsafe<PointRow[]>(
      `SELECT date_trunc('minute', measured_at) AS at, count(*)::int AS count,
         bool_or(simulated) AS simulated, ${SUMMARY} AS values
       FROM consciousness.measurements
       WHERE workspace_id = $1 AND measured_at >= $2::timestamptz AND measured_at < $3::timestamptz
       GROUP BY 1 ORDER BY 1`,
      ...[workspace, from, to],
    );
    return rows.map(toPoint);
  }

  async function readStored(step: 'MINUTE' | 'HOUR', { from, to }: Span): Promise<HistoryPoint[]> {
    const rows = await client.measurementRollup.findMany({
      where: { step, startsAt: { gte: from, lt: to } },
      orderBy: { startsAt: 'asc' },
    });
    return rows.map(({ startsAt, ...row }) => toPoint({ at: startsAt, ...row }));
  }

  /** The end of what has been rolled up; undefined when nothing has. */
  async function findEnd(step: 'MINUTE' | 'HOUR'): Promise<Date | undefined> {
    const newest = await client.measurementRollup.findFirst({
      where: { step },
      orderBy: { startsAt: 'desc' },
      select: { startsAt: true },
    });
    const lengthMs = step === 'MINUTE' ? MINUTE_MS : HOUR_MS;
    return newest ? new Date(newest.startsAt.getTime() + lengthMs) : undefined;
  }

  /** What was stored, and behind it what has not been rolled up yet. */
  async function readMinutes(span: Span): Promise<readonly HistoryPoint[]> {
    const end = await findEnd('MINUTE');
    const from = floorTo(MINUTE_MS, span.from);
    const stored = await readStored('MINUTE', { from, to: span.to });
    const open = { from: end && end > from ? end : from, to: span.to };
    return [...stored, ...(await readMinutesOfUpdates(open))];
  }

  async function readHours(span: Span): Promise<readonly HistoryPoint[]> {
    const end = await findEnd('HOUR');
    const from = floorTo(HOUR_MS, span.from);
    const stored = await readStored('HOUR', { from, to: span.to });
    const open = { from: end && end > from ? end : from, to: span.to };
    if (open.from >= open.to) return stored;
    return [...stored, ...mergePoints(await readMinutes(open), HOUR_MS)];
  }

  async function store(step: 'MINUTE' | 'HOUR', points: readonly HistoryPoint[]): Promise<void> {
    if (points.length === 0) return;
    const data = points.map((point) => ({ workspaceId: workspace, step, ...toRollup(point) }));
    await client.measurementRollup.createMany({ data, skipDuplicates: true });
  }

  return {
    async readUpdates({ from, to }, limit) {
      const rows = await client.$queryRawUnsafe<PointRow[]>(
        `SELECT measured_at AS at, 1 AS count, simulated, ${SINGLE} AS values FROM consciousness.measurements
         WHERE workspace_id = $1 AND measured_at >= $2::timestamptz AND measured_at < $3::timestamptz
         ORDER BY measured_at LIMIT $4::int`,
        ...[workspace, from, to, limit],
      );
      return rows.map(toPoint);
    },
    isPruned: (at) => isPruned(client, at),
    readSteps: (step, span) => (step === 'MINUTE' ? readMinutes(span) : readHours(span)),
    async roll(now) {
      const minute = floorTo(MINUTE_MS, now);
      await store(
        'MINUTE',
        await readMinutesOfUpdates({ from: (await findEnd('MINUTE')) ?? new Date(0), to: minute }),
      );
      const hour = floorTo(HOUR_MS, now);
      const from = (await findEnd('HOUR')) ?? new Date(0);
      await store('HOUR', mergePoints(await readStored('MINUTE', { from, to: hour }), HOUR_MS));
    },
    async pruneMinutes(before) {
      const where = { step: 'MINUTE', startsAt: { lt: before } };
      return (await client.measurementRollup.deleteMany({ where })).count;
    },
  };
}

async function isPruned(client: WorkspaceDatabase['client'], at: Date): Promise<boolean> {
  if (!(await client.measurementRetention.findFirst())) return false;
  const oldest = await client.measurement.findFirst({
    orderBy: { measuredAt: 'asc' },
    select: { measuredAt: true },
  });
  return !oldest || at < oldest.measuredAt;
}

/** A point as it is stored. */
function toRollup({ at, count, simulated, ...summaries }: HistoryPoint) {
  const values = Object.entries(summaries).map(([name, summary]): [string, (number | null)[]] => [
    name,
    summary ? [summary.count, summary.minimum, summary.maximum, summary.mean] : [0, null, null, null],
  ]);
  return { startsAt: at, count, simulated, values: Object.fromEntries(values) };
}

function floorTo(lengthMs: number, at: Date): Date {
  return new Date(Math.floor(at.getTime() / lengthMs) * lengthMs);
}

function toPoint(row: PointRow): HistoryPoint {
  return historyPoint.parse(row);
}

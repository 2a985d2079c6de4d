import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { NetworkMetrics } from '../metrics/describe-metrics.js';
import type { IndependentUpdates } from '../storage/independent-updates.js';
import { isComparable } from '../watch/comparable.js';
import { medianOf, robustZ } from '../watch/robust-z.js';
import { valueOf, type WatchedMetric } from '../watch/watched-metric.js';
import { mergeSummaries, type HistoryPoint, type MetricName, type Summary } from './history-point.js';
import { MOST_POINTS } from './metric-history.js';
import { MINUTE_MS, type Rollups, type Span } from '../storage/rollups.js';

/** How one number was before and after an instant; `robustZ` is null where too little is known of how it moves by itself. */
export interface MetricChange {
  readonly metric: WatchedMetric;
  readonly before: Summary | null;
  readonly after: Summary | null;
  readonly difference: number | null;
  readonly robustZ: number | null;
}

/** What the numbers did around an instant. */
export interface Surroundings {
  readonly points: HistoryPoint[];
  readonly changes: MetricChange[];
}

/** Around when, and how far. */
export interface SurroundingsQuery {
  readonly at: Date;
  readonly beforeMs: number;
  readonly afterMs: number;
}

const NAMES: readonly (readonly [WatchedMetric, MetricName])[] = [
  ['PHI', 'phi'],
  ['COHERENCE', 'coherence'],
  ['STABILITY', 'stability'],
  ['DIVERGENCE', 'divergence'],
  ['LEVEL', 'level'],
  ['COLLECTIVE_AWARENESS', 'collectiveAwareness'],
  ['SYSTEM_HEALTH', 'systemHealth'],
];

const SHORTEST_MS = 1_000;
const LONGEST_MS = 86_400_000;
/**
 * Fewer independent windows do not tell what is usual. In simulation ±3.5 is passed by 2.4 % of normal values with 12 of them,
 * by 0.2 % with 64.
 */
const FEWEST_USUAL = 12;
const MOST_USUAL = 64;
/** Between numbers of 0 to 1, or bits, this is no difference. */
const LEAST_DEVIATION = 1e-3;

/**
 * What the numbers did before and after an instant: all points, and for each number how far it moved, also in robust deviations.
 *
 * Points that follow each other share most of their windows, and move far less than the number does by itself. So the deviation
 * is that of the newest windows before that share no data, 12 to 64 of them and of the same signals, further back than
 * `beforeMs` as need be.
 *
 * Errors: BAD_USER_INPUT when a stretch is shorter than a second or longer than a day.
 */
export async function readSurroundings(
  { rollups, independentUpdates }: SurroundingsDeps,
  { at, beforeMs, afterMs }: SurroundingsQuery,
): Promise<Surroundings> {
  checkStretch('beforeMs', beforeMs);
  checkStretch('afterMs', afterMs);
  const minutes = at.getTime() / MINUTE_MS;
  const before = await readSide(rollups, {
    span: { from: new Date(at.getTime() - beforeMs), to: at },
    whole: { to: new Date(Math.floor(minutes) * MINUTE_MS) },
  });
  const after = await readSide(rollups, {
    span: { from: at, to: new Date(at.getTime() + afterMs) },
    whole: { from: new Date(Math.ceil(minutes) * MINUTE_MS) },
  });
  const usual = await readUsual(independentUpdates, at);
  return {
    points: [...before, ...after],
    changes: NAMES.map(([metric, name]) => compare({ metric, name }, { before, after, usual })),
  };
}

/** What is read from. */
export interface SurroundingsDeps {
  readonly rollups: Rollups;
  readonly independentUpdates: IndependentUpdates;
}

/** Numbers of windows before an instant that share no data, of the signals that there were right before it. */
async function readUsual(updates: IndependentUpdates, at: Date): Promise<readonly NetworkMetrics[]> {
  const found = await updates.readUpTo(new Date(at.getTime() - 1));
  const metrics = found.map((update) => update.metrics);
  const [newest] = metrics;
  return newest ? metrics.filter((one) => isComparable(one, newest)).slice(0, MOST_USUAL) : [];
}

/**
 * One side of the instant, by updates where all of them are there and are few enough, else by the minute: without the minute of the
 * instant itself, which has both sides in it.
 */
async function readSide(
  rollups: Rollups,
  { span, whole }: { readonly span: Span; readonly whole: Partial<Span> },
): Promise<readonly HistoryPoint[]> {
  if (!(await rollups.isPruned(span.from))) {
    const updates = await rollups.readUpdates(span, MOST_POINTS + 1);
    if (updates.length <= MOST_POINTS) return updates;
  }
  const minutes = { ...span, ...whole };
  return minutes.from < minutes.to ? rollups.readSteps('MINUTE', minutes) : [];
}

function compare(
  { metric, name }: { readonly metric: WatchedMetric; readonly name: MetricName },
  sides: {
    readonly before: readonly HistoryPoint[];
    readonly after: readonly HistoryPoint[];
    readonly usual: readonly NetworkMetrics[];
  },
): MetricChange {
  const [before, after] = [sides.before, sides.after].map((points) =>
    mergeSummaries(points.map((point) => point[name])),
  );
  const usual = sides.usual.flatMap((metrics) => valueOf(metric, metrics) ?? []);
  const since = sides.after.flatMap((point) => point[name]?.mean ?? []);
  const isTold = usual.length >= FEWEST_USUAL && since.length > 0;
  return {
    metric,
    before: before ?? null,
    after: after ?? null,
    difference: before && after ? after.mean - before.mean : null,
    robustZ: isTold ? robustZ(medianOf(since), usual, LEAST_DEVIATION).z : null,
  };
}

function checkStretch(name: string, ms: number): void {
  if (ms >= SHORTEST_MS && ms <= LONGEST_MS) return;
  throw new AegisError(
    'BAD_USER_INPUT',
    `${name}: expected ${SHORTEST_MS} to ${LONGEST_MS} milliseconds, got ${ms}.`,
  );
}

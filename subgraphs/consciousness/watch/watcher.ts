import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Measurement } from '../live/measurement.js';
import type { NetworkMetrics } from '../metrics/describe-metrics.js';
import type { IndependentUpdates } from '../storage/independent-updates.js';
import { AnomalyDetector, type Anomaly } from './anomaly-detector.js';
import { compareLengths, isComparable, keyOfSignals } from './comparable.js';
import type { Threshold } from './threshold.js';
import { isCrossed, type Thresholds } from './thresholds.js';
import { valueOf, watchedMetric, type WatchedMetric } from './watched-metric.js';

/** Watches the numbers of one network, and states what is out of the ordinary as facts. */
export interface Watcher {
  observe(measurement: Measurement): Promise<void>;
  /** To be called when the limits were changed here; what other processes change is seen within a second. */
  refresh(): void;
}

export interface WatcherDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspace: WorkspaceId;
  readonly thresholds: Thresholds;
  /** What is ordinary is learnt from these first. */
  readonly independentUpdates: IndependentUpdates;
}

/** For how long the limits are not read again, in milliseconds. */
const FRESH_MS = 1_000;

/** The most sets of signals whose ordinary is kept in mind; of others it is learnt anew from what is stored. */
const MOST_KNOWN = 8;

/** What is ordinary for one set of signals. */
interface Ordinary {
  readonly detectors: ReadonlyMap<WatchedMetric, AnomalyDetector>;
  /** Of the windows that it was learnt from. */
  readonly samples: number;
  lookedAtMs: number;
}

/**
 * The watcher of a workspace. Anomalies are looked for once in a window: values of windows that overlap share data, and follow
 * each other. What is ordinary is learnt for each set of signals: that they changed is known already, and what was learnt holds
 * when they come back. It begins with the stored updates of the same signals, so that a restart forgets nothing.
 */
export function createWatcher(deps: WatcherDeps): Watcher {
  const { database, log, workspace, thresholds, independentUpdates } = deps;
  let known: { readonly list: readonly Threshold[]; readonly atMs: number } | undefined;
  const ordinaries = new Map<string, Ordinary>();
  let changes = 0;

  async function readThresholds(atMs: number): Promise<readonly Threshold[]> {
    if (known && atMs >= known.atMs && atMs - known.atMs < FRESH_MS) return known.list;
    const before = changes;
    const list = await thresholds.list();
    // What changed meanwhile may not be in what was read.
    if (changes === before) known = { list, atMs };
    return list;
  }

  async function compare({ measuredAt, metrics }: Measurement): Promise<void> {
    for (const threshold of await readThresholds(measuredAt.getTime())) {
      const value = valueOf(threshold.metric, metrics);
      if (value === null) continue;
      const crossed = isCrossed(threshold, value);
      if (crossed === threshold.crossed) continue;
      known = undefined;
      await thresholds.turn(threshold, { crossed, value, simulated: metrics.simulated });
    }
  }

  /** What is ordinary by the stored updates before: what was out of it then has been told. */
  async function learn({ metrics, measuredAt }: Measurement): Promise<Ordinary> {
    const { samples, rateHz } = metrics.window;
    const stored = await independentUpdates.readUpTo(
      new Date(measuredAt.getTime() - (1_000 * samples) / rateHz),
    );
    const detectors = new Map(watchedMetric.options.map((metric) => [metric, new AnomalyDetector()]));
    for (const earlier of stored.toReversed()) {
      if (isComparable(earlier.metrics, metrics)) pushAll(detectors, earlier.metrics);
    }
    return { detectors, samples, lookedAtMs: -Infinity };
  }

  /** What is ordinary for the signals of an update; undefined when it is not to be compared with that now. */
  async function findOrdinary(measurement: Measurement): Promise<Ordinary | undefined> {
    const { metrics, measuredAt } = measurement;
    const { samples, rateHz } = metrics.window;
    const key = keyOfSignals(metrics);
    const found = ordinaries.get(key);
    const atMs = measuredAt.getTime();
    if (found && atMs - found.lookedAtMs < (1_000 * samples) / rateHz) return undefined;
    const length = found && compareLengths(samples, found.samples);
    // A signal that paused begins its window anew, and all are cut to its length until it has filled.
    if (length === 'SHORTER') return undefined;
    const ordinary = found && length === 'SAME' ? found : await learn(measurement);
    ordinary.lookedAtMs = atMs;
    ordinaries.delete(key);
    ordinaries.set(key, ordinary);
    const [longestAgo] = ordinaries.keys();
    if (ordinaries.size > MOST_KNOWN && longestAgo !== undefined) ordinaries.delete(longestAgo);
    return ordinary;
  }

  return {
    async observe(measurement) {
      await compare(measurement);
      const ordinary = await findOrdinary(measurement);
      if (!ordinary) return;
      for (const anomaly of pushAll(ordinary.detectors, measurement.metrics)) {
        await database.inWorkspace(workspace).transaction((transaction) =>
          log.append(transaction, {
            source: '/consciousness',
            type: 'aegis.network.anomaly.detected',
            subject: anomaly.metric,
            data: {
              ...anomaly,
              measuredAt: measurement.measuredAt.toISOString(),
              simulated: measurement.metrics.simulated,
            },
          }),
        );
      }
    },
    refresh() {
      changes += 1;
      known = undefined;
    },
  };
}

/** Shows each number to its detector; tells what is out of the ordinary. */
function pushAll(
  detectors: ReadonlyMap<WatchedMetric, AnomalyDetector>,
  metrics: NetworkMetrics,
): (Anomaly & { readonly metric: WatchedMetric })[] {
  return [...detectors].flatMap(([metric, detector]) => {
    const value = valueOf(metric, metrics);
    const anomaly = value === null ? undefined : detector.push(value);
    return anomaly ? [{ metric, ...anomaly }] : [];
  });
}

import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Measurement } from '../live/measurement.js';
import { AnomalyDetector, type Anomaly } from './anomaly-detector.js';
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
}

/** For how long the limits are not read again, in milliseconds. */
const FRESH_MS = 1_000;

/** Anomalies are looked for once in a window: values of windows that overlap share data, and follow each other. */
const WINDOW_SHARE = 1;

/** The watcher of a workspace. It learns what is ordinary from its start on. */
export function createWatcher({ database, log, workspace, thresholds }: WatcherDeps): Watcher {
  let known: { readonly list: readonly Threshold[]; readonly atMs: number } | undefined;
  let detectors = new Map<WatchedMetric, AnomalyDetector>();
  let lookedAtMs = -Infinity;
  let pace = '';
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

  function findAnomalies({ measuredAt, metrics }: Measurement): (Anomaly & { metric: WatchedMetric })[] {
    const { samples, rateHz, nodes } = metrics.window;
    const key = JSON.stringify([rateHz, nodes, metrics.simulated]);
    // Other signals have another level: that they changed is known already.
    if (key !== pace)
      detectors = new Map(watchedMetric.options.map((metric) => [metric, new AnomalyDetector()]));
    pace = key;
    const atMs = measuredAt.getTime();
    if (atMs - lookedAtMs < (1_000 * WINDOW_SHARE * samples) / rateHz) return [];
    lookedAtMs = atMs;
    return watchedMetric.options.flatMap((metric) => {
      const value = valueOf(metric, metrics);
      const anomaly = value === null ? undefined : detectors.get(metric)?.push(value);
      return anomaly ? [{ metric, ...anomaly }] : [];
    });
  }

  return {
    async observe(measurement) {
      await compare(measurement);
      for (const anomaly of findAnomalies(measurement)) {
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

import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { ConsciousnessSettings } from '../config.js';
import { describeMetrics, type NetworkMetrics, type Standing } from '../metrics/describe-metrics.js';
import type { MeasuredWindow } from '../metrics/metrics-task.js';
import type { MetricsWorker } from '../metrics/metrics-worker.js';
import { describeTooFew } from '../metrics/network-metrics.js';
import { cutToOneLength, type SignalHistory } from '../metrics/signal-history.js';
import { missAll } from '../metrics/window-metrics.js';
import { toNetworkState } from '../network-state.js';
import type { Sampler } from '../sampler.js';
import type { Sample } from '../samples/sample.js';
import { MEASUREMENTS_TOPIC, toMeasurementMessage, type Measurement } from './measurement.js';
import type { MeasurementStorage } from '../storage/measurement-storage.js';
import { SurrogateBand } from './surrogate-band.js';

/** Measures the network of one workspace as it is sampled, up to five times a second. */
export interface LiveMetrics {
  /**
   * Takes notice of a sample, and measures the window that ends with it when that is due. Returns at once: the measurement goes
   * on in its thread, and a sample that comes due meanwhile is left out.
   */
  offer(sample: Sample): void;
  /**
   * Whether the newest update shows a node that is fresh: somebody has to say so when none is any more. What was measured before
   * the start counts once signals have had their time to come again.
   */
  showsFresh(at: Date): Promise<boolean>;
  /** Waits for the measurement in hand. */
  close(): Promise<void>;
}

export interface LiveMetricsDeps {
  readonly workspace: WorkspaceId;
  readonly sampler: Pick<Sampler, 'readWindows' | 'periodMs'>;
  readonly storage: Pick<MeasurementStorage, 'insert' | 'findNewest'>;
  readonly worker: Pick<MetricsWorker, 'measure'>;
  readonly readStandings: () => Promise<ReadonlyMap<number, Standing>>;
  /** Told of each update once it is stored. */
  readonly onMeasured: (measurement: Measurement) => Promise<void>;
  readonly bus: LiveBus;
  readonly logger: Logger;
  readonly settings: ConsciousnessSettings;
}

/** The live metrics of a workspace. */
export function createLiveMetrics(deps: LiveMetricsDeps): LiveMetrics {
  const { workspace, sampler, storage, worker, bus, logger, settings } = deps;
  const { metricsSamples, metricsLag, metricsSurrogates, metricsRenewed, nodeCount } = settings;
  const minimum = Math.min(settings.metricsMinimum, metricsSamples);
  const band = new SurrogateBand(metricsSurrogates);
  let running: Promise<void> | undefined;
  let shown: boolean | undefined;
  let askedAt: Date | undefined;

  function isDue(at: Date): boolean {
    const periodMs = sampler.periodMs();
    const every = Math.max(1, Math.ceil(settings.metricsPeriodMs / periodMs));
    return Math.round(at.getTime() / periodMs) % every === 0;
  }

  async function measureWindow(history: SignalHistory, sample: Sample): Promise<MeasuredWindow> {
    if (history.length < minimum) {
      const missing = missAll('TOO_FEW_SAMPLES', describeTooFew(minimum, history.length));
      return { ...missing, computedInMs: 0 };
    }
    band.begin(JSON.stringify([history.nodes, sample.windowMs]));
    const measured = await worker.measure(history.signals, {
      ...{ lag: metricsLag, surrogates: metricsSurrogates, renew: metricsRenewed },
      phases: history.phases,
      method: settings.phiMethod,
      seed: Number(sample.sequence % 2n ** 32n),
      earlier: band.values,
      earlierBasis: band.basis,
    });
    if (measured.phi) band.take(measured.phi, sample.sampledAt);
    return measured;
  }

  async function measure(sample: Sample, history: SignalHistory, periodMs: number): Promise<void> {
    const at = sample.sampledAt;
    const measured = await measureWindow(history, sample);
    const metrics = describeMetrics(measured, {
      ...{ history, at, periodMs, nodeCount },
      surrogatesAt: band.oldestAt ?? at,
      sources: new Map(sample.nodes.map(({ index, source = 'DEVICE' }) => [index, source])),
      simulated: sample.nodes.some((node) => node.simulated === true),
      standings: await deps.readStandings(),
    });
    const { coherence, reportingCount, windowMs } = toNetworkState(sample, nodeCount);
    const state = { coherence, nodeCount, reportingCount, windowMs };
    shown = hasFresh(metrics);
    const stored = await storage.insert({ measuredAt: at, metrics, state });
    if (!stored) return;
    await bus.publish({ workspace, name: MEASUREMENTS_TOPIC }, [toMeasurementMessage(stored)]);
    await deps.onMeasured(stored.item);
  }

  return {
    offer(sample) {
      if (running || !isDue(sample.sampledAt)) return;
      // Read now: the next sample moves the windows on.
      const history = cutToOneLength(sampler.readWindows(), { capacity: metricsSamples, minimum });
      running = measure(sample, history, sampler.periodMs())
        .catch((error: unknown) => {
          logger.warn({ err: error }, 'the network was not measured; the next sample is tried');
        })
        .finally(() => {
          running = undefined;
        });
    },
    async showsFresh(at) {
      askedAt ??= at;
      const graceMs = settings.stalePeriods * settings.samplePeriodMs;
      if (shown !== undefined || at.getTime() - askedAt.getTime() < graceMs) return shown ?? false;
      const newest = await storage.findNewest();
      shown ??= newest !== undefined && hasFresh(newest.metrics);
      return shown;
    },
    async close() {
      await running;
    },
  };
}

function hasFresh({ nodes }: NetworkMetrics): boolean {
  return nodes.some(({ fresh }) => fresh);
}

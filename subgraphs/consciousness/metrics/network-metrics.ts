import type { Sample } from '../samples/sample.js';
import type { SampleStorage } from '../samples/sample-storage.js';
import type { MetricsWorker } from './metrics-worker.js';
import { layHistory, type SignalHistory } from './signal-history.js';
import { missAll, type MissingMetric, type WindowMetrics } from './window-metrics.js';

/** The window that a network was measured over. */
export interface MetricsWindow {
  readonly from: Date;
  readonly to: Date;
  readonly samples: number;
  readonly rateHz: number;
  readonly nodes: number[];
}

/** The numbers of a network over the window that ends with a sample, as the contract has them. */
export interface NetworkMetrics {
  readonly window: MetricsWindow;
  readonly phi: PhiView | null;
  readonly coherence: number | null;
  readonly stability: number | null;
  readonly divergence: number | null;
  readonly level: WindowMetrics['level'];
  readonly pairs: PairView[];
  readonly missing: MissingMetric[];
}

interface PairView {
  readonly a: number;
  readonly b: number;
  readonly locking: number | null;
}

type PhiView = Omit<NonNullable<WindowMetrics['phi']>, 'partition'> & {
  readonly method: 'GAUSSIAN_WHOLE_MINUS_SUM';
  readonly partition: number[][];
};

export interface NetworkMetricsOptions {
  readonly samplePeriodMs: number;
  readonly stalePeriods: number;
  /** The most samples of a window. */
  readonly metricsSamples: number;
  /** A window with fewer samples is not measured. */
  readonly metricsMinimum: number;
  /** In samples. */
  readonly metricsLag: number;
  readonly metricsSurrogates: number;
}

/** Measures the network of one workspace. */
export interface NetworkMetricsReader {
  /**
   * The numbers over the window that ends with a sample. The same sample gives the same numbers in every process.
   *
   * Errors: UNAVAILABLE when the thread that measures does not answer.
   */
  read(sample: Sample): Promise<NetworkMetrics>;
}

export interface NetworkMetricsDeps {
  readonly storage: Pick<SampleStorage, 'readBetween'>;
  readonly worker: Pick<MetricsWorker, 'measure'>;
  readonly options: NetworkMetricsOptions;
}

/** Measures each sample's window once, however many ask: the numbers of the newest sample that was asked for are kept. */
export function createNetworkMetrics({ storage, worker, options }: NetworkMetricsDeps): NetworkMetricsReader {
  const { samplePeriodMs, metricsSamples, metricsLag, metricsSurrogates } = options;
  const minimum = Math.min(options.metricsMinimum, metricsSamples);
  let kept: { readonly sequence: bigint; readonly metrics: Promise<NetworkMetrics> } | undefined;

  async function measure(sample: Sample): Promise<NetworkMetrics> {
    const after = new Date(sample.sampledAt.getTime() - metricsSamples * samplePeriodMs);
    const samples = await storage.readBetween({ after, upTo: sample.sampledAt, limit: metricsSamples });
    const history = layHistory(samples, {
      ...{ periodMs: samplePeriodMs, capacity: metricsSamples, minimum },
      longestHold: options.stalePeriods,
    });
    if (history.length < minimum) {
      const message = `expected at least ${minimum} samples of a signal, got ${history.length} so far. Wait for more.`;
      return toNetworkMetrics(missAll('TOO_FEW_SAMPLES', message), { history, sample, samplePeriodMs });
    }
    const seed = Number(sample.sequence % 2n ** 32n);
    const phi = { lag: metricsLag, surrogates: metricsSurrogates, seed };
    const metrics = await worker.measure(history.signals, phi);
    return toNetworkMetrics(metrics, { history, sample, samplePeriodMs });
  }

  return {
    read(sample) {
      if (kept?.sequence === sample.sequence) return kept.metrics;
      const asked = { sequence: sample.sequence, metrics: measure(sample) };
      kept = asked;
      // What failed is tried again by whoever asks next; the one who asked now is told.
      asked.metrics.catch(() => {
        if (kept === asked) kept = undefined;
      });
      return asked.metrics;
    },
  };
}

interface Origin {
  readonly history: SignalHistory;
  readonly sample: Sample;
  readonly samplePeriodMs: number;
}

/** Places among the signals become indexes of nodes. */
function toNetworkMetrics(
  metrics: WindowMetrics,
  { history, sample, samplePeriodMs }: Origin,
): NetworkMetrics {
  const { phi, coherence, stability, divergence, level } = metrics;
  const toIndex = (place: number) => history.nodes[place] ?? place;
  const lengthMs = Math.max(0, history.length - 1) * samplePeriodMs;
  return {
    ...{ coherence, stability, divergence, level },
    window: {
      from: new Date(sample.sampledAt.getTime() - lengthMs),
      to: sample.sampledAt,
      samples: history.length,
      rateHz: 1_000 / samplePeriodMs,
      nodes: metrics.moving.map(toIndex),
    },
    phi: phi && {
      ...phi,
      method: 'GAUSSIAN_WHOLE_MINUS_SUM',
      partition: phi.partition.map((part) => part.map(toIndex)),
    },
    pairs: metrics.pairs.map(({ a, b, locking }) => ({ a: toIndex(a), b: toIndex(b), locking })),
    missing: [...metrics.missing],
  };
}

import type { Sample } from '../samples/sample.js';
import type { SampleStorage } from '../samples/sample-storage.js';
import { describeMetrics, type NetworkMetrics, type Standing } from './describe-metrics.js';
import type { PhiMethod } from './integrated-information.js';
import type { MetricsWorker } from './metrics-worker.js';
import { layHistory } from './signal-history.js';
import { missAll } from './window-metrics.js';

export interface NetworkMetricsOptions {
  /** Values in the window of a sample. */
  readonly windowSamples: number;
  readonly samplePeriodMs: number;
  readonly stalePeriods: number;
  /** The most samples of a window. */
  readonly metricsSamples: number;
  /** A window with fewer samples is not measured. */
  readonly metricsMinimum: number;
  /** In samples. */
  readonly metricsLag: number;
  readonly metricsSurrogates: number;
  readonly nodeCount: number;
}

/** Measures the network of one workspace when it is asked to. */
export interface NetworkMetricsReader {
  /**
   * The numbers over the window that ends with a sample. The same sample gives the same numbers in every process.
   *
   * Errors: UNAVAILABLE when the thread that measures does not answer.
   */
  read(sample: Sample, method?: PhiMethod): Promise<NetworkMetrics>;
}

export interface NetworkMetricsDeps {
  readonly storage: Pick<SampleStorage, 'readBetween'>;
  readonly worker: Pick<MetricsWorker, 'measure'>;
  /** How far the reports of nodes are to be believed now, by index. */
  readonly readStandings: () => Promise<ReadonlyMap<number, Standing>>;
  readonly options: NetworkMetricsOptions;
}

/** Measures each sample's window once, however many ask: the numbers of the newest sample that was asked for are kept. */
export function createNetworkMetrics(deps: NetworkMetricsDeps): NetworkMetricsReader {
  const { storage, worker, readStandings, options } = deps;
  const { metricsSamples, metricsLag, metricsSurrogates, nodeCount } = options;
  const minimum = Math.min(options.metricsMinimum, metricsSamples);
  let kept: { readonly key: string; readonly metrics: Promise<NetworkMetrics> } | undefined;

  async function measure(sample: Sample, method: PhiMethod): Promise<NetworkMetrics> {
    const periodMs = sample.windowMs / options.windowSamples;
    const at = sample.sampledAt;
    const after = new Date(at.getTime() - metricsSamples * periodMs);
    const samples = await storage.readBetween({ after, upTo: at, limit: metricsSamples });
    const history = layHistory(samples, {
      ...{ periodMs, capacity: metricsSamples, minimum },
      longestHold: Math.round((options.stalePeriods * options.samplePeriodMs) / periodMs),
    });
    const origin = {
      ...{ history, at, periodMs, nodeCount, surrogatesAt: at },
      sources: new Map(sample.nodes.map(({ index, source = 'DEVICE' }) => [index, source])),
      simulated: sample.nodes.some((node) => node.simulated === true),
      standings: await readStandings(),
    };
    if (history.length < minimum) {
      const missing = missAll('TOO_FEW_SAMPLES', describeTooFew(minimum, history.length));
      return describeMetrics({ ...missing, computedInMs: 0 }, origin);
    }
    const seed = Number(sample.sequence % 2n ** 32n);
    const window = { lag: metricsLag, surrogates: metricsSurrogates, seed, method, phases: history.phases };
    return describeMetrics(await worker.measure(history.signals, window), origin);
  }

  return {
    read(sample, method = 'GAUSSIAN_WHOLE_MINUS_SUM') {
      const key = `${sample.sequence} ${method}`;
      if (kept?.key === key) return kept.metrics;
      const asked = { key, metrics: measure(sample, method) };
      kept = asked;
      // What failed is tried again by whoever asks next; the one who asked now is told.
      asked.metrics.catch(() => {
        if (kept === asked) kept = undefined;
      });
      return asked.metrics;
    },
  };
}

/** Why there are no numbers yet, for people. */
export function describeTooFew(minimum: number, length: number): string {
  return `expected at least ${minimum} samples of a signal, got ${length} so far. Wait for more.`;
}

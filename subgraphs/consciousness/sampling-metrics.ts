import { Counter, Histogram } from 'prom-client';
import type { Metrics } from '../../kernel/telemetry/metrics.js';

/** What Prometheus sees of the sampling. */
export interface SamplingMetrics {
  /** Runs one sampling and counts what it stored; what it did not store is not counted. */
  observe<T>(sampling: () => Promise<T | undefined>): Promise<T | undefined>;
}

/** Registers the metrics of the sampling. */
export function createSamplingMetrics(metrics: Metrics): SamplingMetrics {
  const samples = new Counter({
    name: 'aegis_consciousness_samples_total',
    help: 'Samples of the network that this process stored',
    registers: [metrics],
  });
  const seconds = new Histogram({
    name: 'aegis_consciousness_sample_seconds',
    help: 'Time to take, store and announce one sample, in seconds',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2],
    registers: [metrics],
  });
  return {
    async observe(sampling) {
      const stopTimer = seconds.startTimer();
      const stored = await sampling();
      if (stored === undefined) return undefined;
      stopTimer();
      samples.inc();
      return stored;
    },
  };
}

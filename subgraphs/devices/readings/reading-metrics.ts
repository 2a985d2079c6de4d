import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../../../kernel/telemetry/metrics.js';

/** What ingestion counts, under `/metrics`. */
export interface ReadingMetrics {
  readonly committed: Counter;
  /** By `code`. */
  readonly refused: Counter<'code'>;
  readonly commitSeconds: Histogram;
  readonly commitReadings: Histogram;
}

/** Registers the metrics of ingestion. `queued` is asked at each scrape. */
export function createReadingMetrics(registry: Metrics, queued: () => number): ReadingMetrics {
  const registers = [registry];
  // Lives in the registry, which asks it at each scrape.
  new Gauge({
    name: 'aegis_devices_readings_queued',
    help: 'Readings that await their commit.',
    registers,
    collect() {
      this.set(queued());
    },
  });
  return {
    committed: new Counter({
      name: 'aegis_devices_readings_committed_total',
      help: 'Readings stored; repeated deliveries are not counted.',
      registers,
    }),
    refused: new Counter({
      name: 'aegis_devices_telemetry_refused_total',
      help: 'Telemetry messages refused, by error code.',
      labelNames: ['code'],
      registers,
    }),
    commitSeconds: new Histogram({
      name: 'aegis_devices_commit_seconds',
      help: 'Seconds that a commit of readings took, retries included.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    commitReadings: new Histogram({
      name: 'aegis_devices_commit_readings',
      help: 'Readings in one commit.',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000],
      registers,
    }),
  };
}

import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../../kernel/telemetry/metrics.js';

/** What is counted of subscriptions, for Prometheus. */
export interface SubscriptionMetrics {
  readonly clients: Gauge;
  readonly delivered: Counter;
  readonly dropped: Counter<'policy'>;
  readonly reconnects: Counter<'continuity'>;
  readonly lagSeconds: Histogram;
}

/** What is read when somebody asks. */
export interface SubscriptionReadings {
  readonly upstreams: () => number;
  readonly unsentBytes: () => number;
}

/** Registers them; once for each registry. */
export function createSubscriptionMetrics(
  registry: Metrics,
  { upstreams, unsentBytes }: SubscriptionReadings,
): SubscriptionMetrics {
  const registers = [registry];
  new Gauge({
    name: 'aegis_gateway_subscription_upstreams',
    help: 'Subscriptions at subgraphs, each shared by all clients that ask for the same.',
    registers,
    collect() {
      this.set(upstreams());
    },
  });
  new Gauge({
    name: 'aegis_gateway_subscription_unsent_bytes',
    help: 'Bytes of events that wait for slow clients.',
    registers,
    collect() {
      this.set(unsentBytes());
    },
  });
  return {
    clients: new Gauge({
      name: 'aegis_gateway_subscription_clients',
      help: 'Running subscriptions of clients.',
      registers,
    }),
    delivered: new Counter({
      name: 'aegis_gateway_subscription_deliveries_total',
      help: 'Events accepted for a client: one event for a hundred clients counts a hundred times.',
      registers,
    }),
    dropped: new Counter({
      name: 'aegis_gateway_subscription_dropped_total',
      help: 'Events that a slow client did not get, by the policy that dropped them.',
      labelNames: ['policy'],
      registers,
    }),
    reconnects: new Counter({
      name: 'aegis_gateway_subscription_reconnects_total',
      help: 'Attempts to begin again what a subgraph lost, by whether nothing is missed (resumed) or events may be (gap).',
      labelNames: ['continuity'],
      registers,
    }),
    lagSeconds: new Histogram({
      name: 'aegis_gateway_subscription_lag_seconds',
      help: 'Time from a complete event until all its clients’ connections have it, and again for each client it waits for.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
  };
}

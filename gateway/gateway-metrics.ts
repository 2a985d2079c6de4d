import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../kernel/telemetry/metrics.js';

/** What the gateway counts of itself, for Prometheus. */
export interface GatewayMetrics {
  readonly operations: Counter<'kind' | 'outcome'>;
  readonly operationSeconds: Histogram<'kind'>;
  readonly operationCost: Histogram<'kind'>;
  readonly fetches: Counter<'subgraph' | 'outcome'>;
  readonly planLookups: Counter<'outcome'>;
  readonly sockets: Gauge;
  readonly subscriptions: Gauge;
  readonly events: Counter;
}

/** Registers them; once for each registry. */
export function createGatewayMetrics(registry: Metrics): GatewayMetrics {
  const registers = [registry];
  return {
    operations: new Counter({
      name: 'aegis_gateway_operations_total',
      help: 'Operations by kind and outcome: ok, partial (some errors) or failed (no data).',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    operationSeconds: new Histogram({
      name: 'aegis_gateway_operation_seconds',
      help: 'Time from an operation to its response, in seconds, without subscriptions.',
      labelNames: ['kind'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    operationCost: new Histogram({
      name: 'aegis_gateway_operation_cost',
      help: 'What operations cost at most, as computed from their text and variables before they run.',
      labelNames: ['kind'],
      buckets: [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 100_000, 1_000_000],
      registers,
    }),
    fetches: new Counter({
      name: 'aegis_gateway_fetches_total',
      help: 'Requests to subgraphs by outcome: ok, errors (answered with errors) or failed (not answered).',
      labelNames: ['subgraph', 'outcome'],
      registers,
    }),
    planLookups: new Counter({
      name: 'aegis_gateway_plan_lookups_total',
      help: 'Looks into the plan cache by outcome: hit or miss.',
      labelNames: ['outcome'],
      registers,
    }),
    sockets: new Gauge({ name: 'aegis_gateway_sockets', help: 'Open WebSocket connections.', registers }),
    subscriptions: new Gauge({
      name: 'aegis_gateway_subscriptions',
      help: 'Running executions of subscriptions; clients that ask for the same share one.',
      registers,
    }),
    events: new Counter({
      name: 'aegis_gateway_events_total',
      help: 'Events of subscriptions, each counted once however many clients it goes to.',
      registers,
    }),
  };
}

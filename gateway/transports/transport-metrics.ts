import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../kernel/telemetry/metrics.js';

/** What transports count of themselves, for Prometheus. */
export interface TransportMetrics {
  readonly retries: Counter<'subgraph'>;
  readonly circuit: Gauge<'subgraph'>;
}

/** Registers them; once for each registry. */
export function createTransportMetrics(registry: Metrics): TransportMetrics {
  const registers = [registry];
  return {
    retries: new Counter({
      name: 'aegis_gateway_retries_total',
      help: 'Queries that were sent to a subgraph once more.',
      labelNames: ['subgraph'],
      registers,
    }),
    circuit: new Gauge({
      name: 'aegis_gateway_circuit',
      help: 'Whether a subgraph is asked: 0 it is (closed), 1 one request finds out (half-open), 2 it is left alone (open).',
      labelNames: ['subgraph'],
      registers,
    }),
  };
}

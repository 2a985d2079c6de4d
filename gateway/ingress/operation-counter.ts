import { Counter } from 'prom-client';
import type { Metrics } from '../../kernel/telemetry/metrics.js';

const LABELS = ['operation', 'kind', 'client', 'via', 'outcome'] as const;

/** What operations are told apart by. */
export type OperationLabels = Readonly<Record<(typeof LABELS)[number], string>>;

/**
 * Counts operations for Prometheus. They are added up here, and handed over when somebody looks: with five labels, the
 * library takes three times as long for each.
 */
export function createOperationCounter(metrics: Metrics): (labels: OperationLabels) => void {
  const counts = new Map<string, { readonly labels: OperationLabels; count: number }>();
  new Counter({
    name: 'aegis_gateway_client_operations_total',
    help: 'Operations by name, client, way and outcome: ok, partial, failed, refused, or left by the client.',
    labelNames: LABELS,
    registers: [metrics],
    collect() {
      this.reset();
      for (const { labels, count } of counts.values()) this.inc(labels, count);
    },
  });
  return (labels) => {
    const { operation, kind, client, via, outcome } = labels;
    const key = `${operation}\n${kind}\n${client}\n${via}\n${outcome}`;
    const known = counts.get(key);
    if (known) known.count += 1;
    else counts.set(key, { labels, count: 1 });
  };
}

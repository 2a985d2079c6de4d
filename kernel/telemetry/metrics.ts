import { collectDefaultMetrics, Registry } from 'prom-client';

export type Metrics = Registry;

/** A fresh Prometheus registry with the process's own metrics in it; each part of Aegis adds its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

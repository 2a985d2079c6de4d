import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { MessageLog } from './message-log.js';

/** What an edge counts. */
export interface EdgeMetrics {
  readonly taken: Counter;
  readonly forwarded: Counter;
  readonly refused: Counter;
  readonly hubConnected: Gauge;
}

/** Makes the counters of an edge. */
export function createEdgeMetrics(registry: Metrics, log: MessageLog): EdgeMetrics {
  const registers = [registry];
  new Gauge({
    ...{ name: 'aegis_edge_log_bytes', help: 'Bytes that the log has on the disk.', registers },
    collect() {
      this.set(log.use().bytes);
    },
  });
  new Gauge({
    name: 'aegis_edge_oldest_message_age_seconds',
    help: 'How long the oldest message waits for the hub, in seconds; 0 when none does.',
    registers,
    collect() {
      const { oldestAtMs } = log.use();
      this.set(oldestAtMs === undefined ? 0 : Math.max(0, (Date.now() - oldestAtMs) / 1_000));
    },
  });
  return {
    taken: new Counter({
      name: 'aegis_edge_messages_taken_total',
      help: 'Messages of devices that were written to the disk and acknowledged.',
      registers,
    }),
    forwarded: new Counter({
      name: 'aegis_edge_messages_forwarded_total',
      help: 'Messages that the hub has stored, those that it had before included.',
      registers,
    }),
    refused: new Counter({
      name: 'aegis_edge_messages_refused_total',
      help: 'Messages that the hub will never take; they are in the file of dead letters.',
      registers,
    }),
    hubConnected: new Gauge({
      name: 'aegis_edge_hub_connected',
      help: '1 while the hub takes messages, 0 while it does not.',
      registers,
    }),
  };
}

import type { z } from 'zod';
import type { Health } from '../../../kernel/graphql/subgraph.js';
import type { NetworkGraph } from '../graph/network-graph.js';
import type { Measurement } from '../live/measurement.js';
import type { NodeMetrics } from '../metrics/describe-metrics.js';
import type { Report } from '../storage/report-storage.js';
import type {
  healthDocument,
  integrationDocument,
  networkStatusDocument,
  receiptDocument,
} from './documents.js';

/** A node at a time without updates. */
const UNKNOWN = {
  ...{ phi: null, coherence: null, stability: null, divergence: null, level: null, source: null },
  phaseSource: null,
  ...{ fresh: false, validity: 0, reputation: 1 },
} satisfies Omit<NodeMetrics, 'index'>;

/** How the subgraph is. */
export function describeHealth(health: Health, at: Date): z.infer<typeof healthDocument> {
  const timestamp = secondsOf(at);
  if (health.state === 'UP') return { status: 'healthy', timestamp };
  return { status: 'unhealthy', timestamp, reason: health.reason };
}

/** The numbers of the network at an update. */
export function describeIntegration({
  measuredAt,
  metrics,
}: Measurement): z.infer<typeof integrationDocument> {
  const { phi, level, window, coherence, stability, divergence, simulated, missing } = metrics;
  return {
    timestamp: secondsOf(measuredAt),
    unit: 'bits',
    ...describePhi(phi),
    ...{ coherence, stability, divergence },
    consciousness_level: level?.value ?? null,
    level_version: level?.levelVersion ?? null,
    samples: window.samples,
    window_seconds: window.samples / window.rateHz,
    ...{ simulated, missing: [...missing] },
  };
}

function describePhi(phi: Measurement['metrics']['phi']) {
  if (!phi) {
    return { phi: null, method: null, exact: null, partition: null, surrogate95: null, significant: null };
  }
  const { bits, method, exact, partition, surrogate95, significant } = phi;
  return { phi: bits, method, exact, partition, surrogate95, significant };
}

/** Every node and the whole at an update; nodes of which nothing is known where there is none of now. */
export function describeNetwork(
  measurement: Measurement | undefined,
  { graph, at }: { readonly graph: NetworkGraph; readonly at: Date },
): z.infer<typeof networkStatusDocument> {
  const nodes =
    measurement?.metrics.nodes ??
    Array.from({ length: graph.nodeCount }, (_, index) => ({ ...UNKNOWN, index }));
  const { networkCoherence, collectiveAwareness, systemHealth } = measurement?.metrics.global ?? {
    ...{ networkCoherence: null, collectiveAwareness: null, systemHealth: 0 },
  };
  return {
    timestamp: secondsOf(measurement?.measuredAt ?? at),
    graph: graph.name,
    node_count: graph.nodeCount,
    active_nodes: nodes.filter(({ fresh }) => fresh).length,
    simulated: measurement?.metrics.simulated ?? false,
    global_state: {
      network_coherence: networkCoherence,
      collective_awareness: collectiveAwareness,
      system_health: systemHealth,
    },
    nodes: nodes.map(({ index, source, phaseSource, fresh, validity, reputation, level, ...numbers }) => ({
      node_id: `node_${index}`,
      ...{ source, phase_source: phaseSource, fresh, validity, reputation },
      consciousness_metrics: {
        ...{ phi: numbers.phi, coherence: numbers.coherence, stability: numbers.stability },
        ...{ divergence: numbers.divergence, consciousness_level: level },
      },
    })),
  };
}

/** What came of a report. */
export function describeReceipt({ id, valid, reputation, checks }: Report): z.infer<typeof receiptDocument> {
  return { report_id: id, valid, reputation, checks: [...checks] };
}

function secondsOf(at: Date): number {
  return at.getTime() / 1_000;
}

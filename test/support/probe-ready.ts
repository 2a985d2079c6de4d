import type { AegisSystem } from './aegis-system.js';
import { createGraphClient } from './graph-client.js';

const SIGNALS = 13;

interface SampleEvent {
  readonly consciousnessMetrics: { readonly sample: { readonly nodes: readonly unknown[] } };
}

/** Waits until the readings of the host probe are there, and each of the network's nodes follows one of them. */
export async function waitForProbe(system: Pick<AegisSystem, 'url' | 'apiKey'>): Promise<void> {
  const samples = createGraphClient(system).subscribe<SampleEvent>(
    'subscription { consciousnessMetrics { sample { nodes { index } } } }',
  );
  for await (const { consciousnessMetrics } of samples) {
    if (consciousnessMetrics.sample.nodes.length === SIGNALS) return;
  }
  throw new Error('the samples ended before the probe had measured');
}

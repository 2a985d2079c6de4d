import type { NetworkStateModel, NodeModel } from './models.js';
import type { Sample } from './samples/sample.js';
import { isSameSignal } from './signal.js';

/** The network as a sample shows it. */
export function toNetworkState(sample: Sample, nodeCount: number): NetworkStateModel {
  const { coherence, windowMs, sampledAt, nodes } = sample;
  return {
    coherence,
    nodeCount,
    reportingCount: nodes.filter(({ phase }) => phase !== null).length,
    windowMs,
    sampledAt,
    sample,
  };
}

/** The coherence of a node in a sample; null when the sample is not of the signal that the node has now. */
export function coherenceOfNode({ index, signal }: NodeModel, sample: Sample | undefined): number | null {
  const measured = sample?.nodes.find((node) => node.index === index);
  return measured && isSameSignal(measured, signal) ? measured.coherence : null;
}

import type { NetworkStateModel, NodeModel } from './models.js';
import { signalOfMeasurement, type Sample } from './samples/sample.js';
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
    simulated: nodes.some((node) => node.simulated === true),
    sample,
  };
}

/**
 * The coherence of a node in a sample; null when the sample is not of the signal that the node has now. The generator's goes
 * before the node's own.
 */
export function coherenceOfNode({ index, signal }: NodeModel, sample: Sample | undefined): number | null {
  const measured = sample?.nodes.find((node) => node.index === index);
  if (!measured) return null;
  const isOwn = measured.source === 'GENERATOR' || isSameSignal(signalOfMeasurement(measured), signal);
  return isOwn ? measured.coherence : null;
}

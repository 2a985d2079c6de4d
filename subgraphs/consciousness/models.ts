import type { NodeMeasurement, Sample } from './samples/sample.js';
import type { Signal } from './signal.js';

/** A numbered place in the network, and its signal. */
export interface NodeModel {
  readonly index: number;
  readonly signal: Signal | undefined;
}

/** A device as this subgraph knows it: by its id alone. */
export interface DeviceModel {
  readonly id: string;
}

export type ConsciousnessSampleModel = Sample;

export type NodeSampleModel = NodeMeasurement;

/** The network at one instant, as the contract has it. */
export interface NetworkStateModel {
  readonly coherence: number | null;
  readonly nodeCount: number;
  readonly reportingCount: number;
  readonly windowMs: number;
  readonly sampledAt: Date;
  /** What it is the state of. */
  readonly sample: Sample;
}

import type { NetworkState } from './network-state.js';
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

export type NetworkStateModel = NetworkState;

import type { Connection } from '../../kernel/graphql/connection.js';
import type { GeneratorRow } from './storage/generator-storage.js';
import type { NetworkGraph } from './graph/network-graph.js';
import type { Surroundings } from './history/metrics-around.js';
import type { GlobalState, NetworkMetrics, NodeMetrics } from './metrics/describe-metrics.js';
import type { Report, ReportQuery } from './storage/report-storage.js';
import type { NodeMeasurement, Sample } from './samples/sample.js';
import type { SampleEvent } from './samples/sample-stream.js';
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

/** A fact as this subgraph knows it: by its id alone. */
export interface PlatformEventModel {
  readonly id: string;
}

export type ConsciousnessSampleModel = Sample;

export type ConsciousnessMetricsEventModel = SampleEvent;

export type NodeSampleModel = NodeMeasurement;

export type NetworkModel = NetworkGraph;

export type GeneratorModel = GeneratorRow;

export type NetworkMetricsModel = NetworkMetrics;

export type NodeMetricsModel = NodeMetrics;

export type GlobalStateModel = GlobalState;

export type NodeReportModel = Report;

export type NodeReportConnectionModel = Connection<Report>;

/** The network at one instant, as the contract has it. */
export interface NetworkStateModel {
  readonly coherence: number | null;
  readonly nodeCount: number;
  readonly reportingCount: number;
  readonly windowMs: number;
  readonly sampledAt: Date;
  readonly simulated: boolean;
  /** What it is the state of: its numbers are measured when they are asked for. */
  readonly sample?: Sample;
  /** Its numbers, where they are measured already. */
  readonly metrics?: NetworkMetrics;
}

/** How much a node counts. */
export interface NodeWeightModel {
  readonly index: number;
  readonly weight: number;
  readonly simulated: boolean;
}

/** How far a node's reports are to be believed now. */
export interface NodeStandingModel {
  readonly index: number;
  readonly reputation: number;
  readonly valid: boolean;
  readonly reportedAt: Date;
}

/** Which reports are asked for. */
export interface ValidationReportModel {
  readonly query: ReportQuery;
}

/** What the numbers did around a fact. */
export interface MetricsAroundModel extends Surroundings {
  readonly eventId: string;
}

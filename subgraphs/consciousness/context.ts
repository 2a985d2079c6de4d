import DataLoader from 'dataloader';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { MeasurementStorage } from './storage/measurement-storage.js';
import type { NetworkMetrics } from './metrics/describe-metrics.js';
import type { PhiMethod } from './metrics/integrated-information.js';
import type { NetworkMetricsReader } from './metrics/network-metrics.js';
import type { GeneratorControl } from './generator/generator-control.js';
import type { DeviceModel, NodeModel } from './models.js';
import type { Registry } from './registry.js';
import type { Sample } from './samples/sample.js';
import { isDeviceSignal } from './signal.js';
import type { SampleStorage } from './samples/sample-storage.js';

/** What the resolvers of one request share: each question is asked of the database once. */
export interface Context extends RequestContext {
  /** Nodes by index; null where there is none. */
  readonly nodes: DataLoader<number, NodeModel | null>;
  /** The nodes whose signal is a metric of a device, by index, by the device's id. */
  readonly nodesOfDevice: DataLoader<string, NodeModel[]>;
  /** Devices by id; null for one that is not, or no longer, known. */
  readonly devices: DataLoader<string, DeviceModel | null>;
  readonly newestSample: () => Promise<Sample | undefined>;
  /** The numbers of the network over the window that ends with a sample. */
  readonly metricsOf: (sample: Sample, method?: PhiMethod) => Promise<NetworkMetrics>;
  /** The newest numbers measured no later than an instant, as RFC 3339 text; null where there are none. */
  readonly measurementsAt: DataLoader<string, NetworkMetrics | null>;
  /** Indexes of the nodes that the generator feeds now. */
  readonly generatedNodes: () => Promise<ReadonlySet<number>>;
  /** To be called when nodes have changed. */
  readonly forgetNodes: () => void;
}

export interface ContextDeps {
  readonly registry: Registry;
  readonly storage: SampleStorage;
  readonly metrics: NetworkMetricsReader;
  readonly measurements: MeasurementStorage;
  readonly generator: GeneratorControl;
}

/** What one request shares; the loaders gather what its resolvers ask for in one turn of the event loop. */
export function createContext(
  request: RequestContext,
  deps: ContextDeps & { readonly nodeCount: number },
): Context {
  const { registry, storage, metrics, measurements, generator, nodeCount } = deps;
  let newest: Promise<Sample | undefined> | undefined;
  let generated: Promise<ReadonlySet<number>> | undefined;
  const nodes = new DataLoader<number, NodeModel | null>(async (indexes) => {
    const found = new Map((await registry.findNodes(indexes)).map((node) => [node.index, node]));
    return indexes.map((index) => found.get(index) ?? null);
  });
  const nodesOfDevice = new DataLoader<string, NodeModel[]>(async (deviceIds) => {
    const found = await registry.findNodesOfDevices(deviceIds);
    return deviceIds.map((id) =>
      found.filter(({ signal }) => signal && isDeviceSignal(signal) && signal.deviceId === id),
    );
  });
  const devices = new DataLoader<string, DeviceModel | null>(async (ids) => {
    const known = await registry.findKnownIds(ids);
    return ids.map((id) => (known.has(id) ? { id } : null));
  });
  const measurementsAt = new DataLoader<string, NetworkMetrics | null>(async (instants) => {
    const found = await measurements.findAt(instants.map((at) => new Date(at)));
    return found.map((measurement) => measurement?.metrics ?? null);
  });

  async function readGenerated(): Promise<ReadonlySet<number>> {
    const { running, parameters } = await generator.read();
    if (!running) return new Set();
    const all = Array.from({ length: nodeCount }, (_, index) => index);
    return new Set(parameters.nodes.length > 0 ? parameters.nodes : all);
  }

  return {
    ...request,
    nodes,
    measurementsAt,
    generatedNodes: () => (generated ??= readGenerated()),
    nodesOfDevice,
    devices,
    newestSample: () => (newest ??= storage.findNewest()),
    metricsOf: (sample, method) => metrics.read(sample, method),
    forgetNodes: () => {
      nodes.clearAll();
      nodesOfDevice.clearAll();
    },
  };
}

import DataLoader from 'dataloader';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { NetworkMetrics, NetworkMetricsReader } from './metrics/network-metrics.js';
import type { DeviceModel, NodeModel } from './models.js';
import type { Registry } from './registry.js';
import type { Sample } from './samples/sample.js';
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
  readonly metricsOf: (sample: Sample) => Promise<NetworkMetrics>;
  /** To be called when nodes have changed. */
  readonly forgetNodes: () => void;
}

export interface ContextDeps {
  readonly registry: Registry;
  readonly storage: SampleStorage;
  readonly metrics: NetworkMetricsReader;
}

/** What one request shares; the loaders gather what its resolvers ask for in one turn of the event loop. */
export function createContext(request: RequestContext, { registry, storage, metrics }: ContextDeps): Context {
  let newest: Promise<Sample | undefined> | undefined;
  const nodes = new DataLoader<number, NodeModel | null>(async (indexes) => {
    const found = new Map((await registry.findNodes(indexes)).map((node) => [node.index, node]));
    return indexes.map((index) => found.get(index) ?? null);
  });
  const nodesOfDevice = new DataLoader<string, NodeModel[]>(async (deviceIds) => {
    const found = await registry.findNodesOfDevices(deviceIds);
    return deviceIds.map((id) => found.filter(({ signal }) => signal?.deviceId === id));
  });
  const devices = new DataLoader<string, DeviceModel | null>(async (ids) => {
    const known = await registry.findKnownIds(ids);
    return ids.map((id) => (known.has(id) ? { id } : null));
  });
  return {
    ...request,
    nodes,
    nodesOfDevice,
    devices,
    newestSample: () => (newest ??= storage.findNewest()),
    metricsOf: (sample) => metrics.read(sample),
    forgetNodes: () => {
      nodes.clearAll();
      nodesOfDevice.clearAll();
    },
  };
}

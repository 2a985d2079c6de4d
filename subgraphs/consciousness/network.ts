import { createEventConsumer } from '../../kernel/events/event-consumer.js';
import type { SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Lifecycle } from '../../kernel/lifecycle/lifecycle.js';
import type { ConsciousnessSettings } from './config.js';
import { handleFact, prepareNodes } from './device-facts.js';
import type { MetricsWorker } from './metrics/metrics-worker.js';
import { createNetworkMetrics, type NetworkMetricsReader } from './metrics/network-metrics.js';
import { createRegistry, type Registry } from './registry.js';
import { createSampler, type Sampler } from './sampler.js';
import { createSampleStorage, type SampleStorage } from './samples/sample-storage.js';
import { createSampleStream, type SampleStream } from './samples/sample-stream.js';

/** The network of one workspace: what there is once for each. */
export interface Network {
  readonly registry: Registry;
  readonly storage: SampleStorage;
  readonly sampler: Sampler;
  readonly stream: SampleStream;
  readonly metrics: NetworkMetricsReader;
  /** Starts the network's parts; the lifecycle closes them. */
  start(lifecycle: Lifecycle, now: () => Date): Promise<void>;
}

export interface NetworkDeps extends SubgraphDeps {
  readonly workspace: WorkspaceId;
  readonly settings: ConsciousnessSettings;
  /** Shared by the networks of all workspaces. */
  readonly metricsWorker: MetricsWorker;
}

/** Puts the parts of a workspace's network together. */
export function createNetwork(deps: NetworkDeps): Network {
  const { workspace, database, log, bus, logger, settings } = deps;
  const rows = database.inWorkspace(workspace);
  const registry = createRegistry(rows);
  const storage = createSampleStorage(database, workspace);
  const stream = createSampleStream({ workspace, storage, bus, logger });
  const sampler = createSampler({ workspace, registry, storage, bus, logger, settings });
  const facts = createEventConsumer({
    name: 'consciousness.devices',
    ...{ workspace, database, log, bus, logger },
    handle: (event, transaction) => handleFact(event, transaction, { ...settings, logger }),
  });
  return {
    registry,
    storage,
    sampler,
    stream,
    metrics: createNetworkMetrics({ storage, worker: deps.metricsWorker, options: settings }),
    async start(lifecycle, now) {
      await prepareNodes(rows, settings);
      await lifecycle.start({ name: `facts of devices in ${workspace}`, ...facts });
      await lifecycle.start({ name: `stream of samples of ${workspace}`, ...stream });
      await lifecycle.start({
        name: `sampler of ${workspace}`,
        start: () => sampler.start(now()),
        close: () => sampler.close(),
      });
    },
  };
}

import { randomUUID } from 'node:crypto';
import { createEventConsumer } from '../../kernel/events/event-consumer.js';
import type { SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Lifecycle } from '../../kernel/lifecycle/lifecycle.js';
import type { ConsciousnessSettings } from './config.js';
import { handleFact, prepareNodes } from './device-facts.js';
import { createGeneratorControl, type GeneratorControl } from './generator/generator-control.js';
import { createGeneratorRunner } from './generator/generator-runner.js';
import { createGeneratorStorage } from './storage/generator-storage.js';
import type { NetworkGraph } from './graph/network-graph.js';
import { createIndependentUpdates, type IndependentUpdates } from './storage/independent-updates.js';
import { createRollups, type Rollups } from './storage/rollups.js';
import { createLiveMetrics, type LiveMetrics } from './live/live-metrics.js';
import { MEASUREMENTS_TOPIC, readMeasurementMessage, type Measurement } from './live/measurement.js';
import { createMeasurementStorage, type MeasurementStorage } from './storage/measurement-storage.js';
import type { MetricsWorker } from './metrics/metrics-worker.js';
import { isReportFresh } from './metrics/describe-metrics.js';
import { createNetworkMetrics, type NetworkMetricsReader } from './metrics/network-metrics.js';
import type { NodeStandingModel } from './models.js';
import { createPushState, type PushState } from './push-state.js';
import { createRegistry, type Registry } from './registry.js';
import {
  createReportStorage,
  standingsAt,
  type ReportStorage,
  type StoredStanding,
} from './storage/report-storage.js';
import { createReports, type Reports } from './reports/reports.js';
import { createSampler, type Sampler } from './sampler.js';
import { createSignalSources, type SignalSources } from './signal-sources.js';
import { createSampleStorage, type SampleStorage } from './samples/sample-storage.js';
import { createSampleStream, type SampleStream } from './samples/sample-stream.js';
import { createStoredStream, type StoredStream } from './streams/stored-stream.js';
import { createThresholds, type Thresholds } from './watch/thresholds.js';
import { createWatcher } from './watch/watcher.js';

/** The network of one workspace: what there is once for each. */
export interface Network {
  readonly nodeCount: number;
  readonly registry: Registry;
  readonly storage: SampleStorage;
  readonly sampler: Sampler;
  readonly sources: SignalSources;
  readonly stream: SampleStream;
  readonly metrics: NetworkMetricsReader;
  readonly measurements: MeasurementStorage;
  readonly live: LiveMetrics;
  readonly liveStream: StoredStream<Measurement>;
  readonly rollups: Rollups;
  readonly independentUpdates: IndependentUpdates;
  readonly generator: GeneratorControl;
  readonly thresholds: Thresholds;
  readonly reports: Reports;
  readonly reportStorage: ReportStorage;
  readonly pushState: PushState;
  /** The newest update, unless it is too old to be of now. */
  currentMeasurement(): Promise<Measurement | undefined>;
  /** How far each node that has reported is to be believed now, by index. */
  listStandings(): Promise<NodeStandingModel[]>;
  /** Starts the network's parts; the lifecycle closes them. */
  start(lifecycle: Lifecycle): Promise<void>;
}

/** The network of a workspace. */
export type NetworkOf = (workspace: WorkspaceId) => Network;

export interface NetworkDeps extends SubgraphDeps {
  readonly workspace: WorkspaceId;
  readonly settings: ConsciousnessSettings;
  readonly graph: NetworkGraph;
  readonly now: () => Date;
  /** Shared by the networks of all workspaces. */
  readonly metricsWorker: MetricsWorker;
}

/** An update that is older does not tell how the network is now, in milliseconds. */
const CURRENT_MS = 30_000;

/** Puts the parts of a workspace's network together. */
export function createNetwork(deps: NetworkDeps): Network {
  const { workspace, database, log, bus, logger, settings, graph, now, metricsWorker: worker } = deps;
  const rows = database.inWorkspace(workspace);
  const shared = { workspace, database, log, bus, logger, now };
  const registry = createRegistry(rows);
  const stores = openStores(database, workspace);
  const { storage, measurements, reportStorage } = stores;
  const reports = createReports({ ...shared, graph, measurements, storage: reportStorage });
  const { readStandings } = reports;
  const refresh = () => {
    sources.refresh();
  };
  const generator = createGeneratorControl({ ...shared, nodeCount: graph.nodeCount, onChange: refresh });
  const runner = createGeneratorRunner({
    ...{ storage: createGeneratorStorage(rows), graph, holder: randomUUID() },
    onExpired: async () => {
      await generator.stop();
    },
  });
  const sources = createSignalSources({
    ...{ ...shared, registry, generator: runner },
    usualMs: settings.samplePeriodMs,
    staleMs: settings.stalePeriods * settings.samplePeriodMs,
  });
  const sampler = createSampler({
    ...{ ...shared, sources, storage, settings },
    // Nodes may only report; and when all have fallen silent, one update more has to say so.
    isAwaited: async (at) =>
      (await live.showsFresh(at)) || [...(await readStandings()).values()].some(isReportFresh),
  });
  const thresholds = createThresholds({
    ...shared,
    onChange: () => {
      watcher.refresh();
    },
  });
  const watcher = createWatcher({ ...shared, ...stores, thresholds });
  const live = createLiveMetrics({
    ...{ ...shared, sampler, worker, settings, readStandings, storage: measurements },
    onMeasured: (measurement) => watcher.observe(measurement),
  });
  const stream = createSampleStream({ ...shared, storage });
  const liveStream = createStoredStream<Measurement>({
    ...{ ...shared, storage: measurements, topic: MEASUREMENTS_TOPIC, cursorKind: 'msm' },
    readMessage: readMeasurementMessage,
  });
  const facts = createEventConsumer({
    ...{ ...shared, name: 'consciousness.devices' },
    handle: async (event, transaction) => {
      transaction.afterCommit(refresh);
      await handleFact(event, transaction, { ...settings, logger });
    },
  });
  return {
    nodeCount: graph.nodeCount,
    ...{ ...stores, registry, sampler, sources, stream, live, liveStream },
    ...{ generator, thresholds, reports },
    metrics: createNetworkMetrics({ storage, worker, readStandings, options: settings }),
    pushState: createPushState({ ...shared, sources, settings, onAssigned: refresh }),
    currentMeasurement: () => measurements.findNewest(new Date(now().getTime() - CURRENT_MS)),
    listStandings: async () => describeStandings(await reportStorage.listStandings(), now()),
    async start(lifecycle) {
      await prepareNodes(rows, settings);
      if (settings.generatorAtStart) await generator.start(settings.generatorAtStart);
      await lifecycle.start({ name: `facts of devices in ${workspace}`, ...facts });
      await lifecycle.start({ name: `stream of samples of ${workspace}`, ...stream });
      await lifecycle.start({ name: `stream of measurements of ${workspace}`, ...liveStream });
      await lifecycle.start({
        name: `sampler of ${workspace}`,
        start: () => sampler.start(now()),
        close: () => sampler.close(),
      });
      await lifecycle.start({ name: `measuring of ${workspace}`, close: () => live.close() });
    },
  };
}

function openStores(database: SubgraphDeps['database'], workspace: WorkspaceId) {
  return {
    storage: createSampleStorage(database, workspace),
    measurements: createMeasurementStorage(database, workspace),
    reportStorage: createReportStorage(database, workspace),
    rollups: createRollups(database, workspace),
    independentUpdates: createIndependentUpdates(database, workspace),
  };
}

function describeStandings(stored: readonly StoredStanding[], at: Date): NodeStandingModel[] {
  const current = standingsAt(stored, at);
  return stored.map(({ nodeIndex: index, reputation, valid, updatedAt }) => ({
    ...{ index, valid, reportedAt: updatedAt },
    reputation: current.get(index)?.reputation ?? reputation,
  }));
}

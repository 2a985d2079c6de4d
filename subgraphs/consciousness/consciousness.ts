import type { Database } from '../../kernel/database/database.js';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { createLifecycle, withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { ConsciousnessSettings } from './config.js';
import { createContext, type Context } from './context.js';
import { createGraph } from './graph/configured-graph.js';
import { createHousekeeping } from './housekeeping.js';
import { createMetricsWorker } from './metrics/metrics-worker.js';
import { createNetwork, type Network } from './network.js';
import { createNodeBroker } from './reports/node-broker.js';
import { createReportTopics } from './reports/report-topics.js';
import { createResolvers } from './resolvers.js';
import { createRestRoutes } from './rest/rest-routes.js';
import { createSampling } from './sampling.js';
import { createSamplingMetrics } from './sampling-metrics.js';
import { systemClock, type Clock } from './ticker.js';

const CLOSE_DEADLINE_MS = 5_000;
const PING_DEADLINE_MS = 2_000;
/** Sampling is taken for dead when nothing was sampled for this many periods, and for this time at least. */
const DEAD_PERIODS = 5;
const DEAD_AFTER_MS = 10_000;

/** Wires the subgraph: a network for each workspace, its samples and housekeeping, and the doors that it has beside GraphQL. */
export function createConsciousness(
  deps: SubgraphDeps,
  settings: ConsciousnessSettings,
  clock: Clock = systemClock,
): Subgraph<Context> {
  const { database, workspaces, logger, log } = deps;
  const { now } = clock;
  const lifecycle = createLifecycle({ logger, closeDeadlineMs: CLOSE_DEADLINE_MS });
  const stopping = new AbortController();
  const metricsWorker = createMetricsWorker({ logger });
  const graph = createGraph(settings.networkGraph, settings.nodeCount);
  const networks = new Map(
    workspaces.map((workspace) => [
      workspace,
      createNetwork({ ...deps, workspace, settings, graph, now, metricsWorker }),
    ]),
  );

  function networkOf(workspace: WorkspaceId): Network {
    const network = networks.get(workspace);
    if (network) return network;
    throw new AegisError('NOT_FOUND', `expected a workspace that is served here, got ${workspace}.`);
  }

  const sampling = createSampling({
    ...{ clock, logger, networks: () => [...networks.values()] },
    metrics: createSamplingMetrics(deps.metrics),
    keep: createHousekeeping({ settings, logger, now, signal: stopping.signal }),
  });

  const broker = createNodeBroker(deps, settings);

  async function checkMeasuring(): Promise<Health> {
    const sampledAt = sampling.sampledAt();
    const silentMs = sampledAt && now().getTime() - sampledAt.getTime();
    return (await findDatabaseFault(database)) ?? judgeSampling(silentMs, settings);
  }

  /** Without its broker the network is measured all the same, but a door of it is closed. */
  async function checkHealth(): Promise<Health> {
    const measuring = await checkMeasuring();
    return measuring.state === 'UP' && broker ? broker.health() : measuring;
  }

  return {
    resolvers: createResolvers({ database, graph, networkOf, now, log }),
    createContext: (request) => createContext(request, networkOf(request.principal.workspace)),
    routes: createRestRoutes({
      ...{ graph, networkOf, now, logger, health: checkMeasuring },
      identify: deps.identifyClient ?? deps.identify,
    }),
    async start() {
      await lifecycle.start({ name: 'measuring of networks', close: () => metricsWorker.close() });
      for (const network of networks.values()) await network.start(lifecycle);
      for (const part of sampling.parts) await lifecycle.start(part);
      await lifecycle.start(createReportTopics({ topics: deps.topics ?? broker?.topics, networks }));
      if (broker) await lifecycle.start(broker);
    },
    async close() {
      stopping.abort();
      await lifecycle.close();
    },
    health: checkHealth,
  };
}

async function findDatabaseFault(database: Database): Promise<Health | undefined> {
  try {
    await withDeadline(database.ping(), PING_DEADLINE_MS, 'asking the database');
    return undefined;
  } catch (error) {
    return { state: 'DOWN', reason: `the database does not answer: ${String(error)}` };
  }
}

/** Judges by the time since the last sampling that did not fail, in milliseconds; undefined before the start. */
function judgeSampling(silentMs: number | undefined, { samplePeriodMs }: ConsciousnessSettings): Health {
  if (silentMs === undefined) return { state: 'DOWN', reason: 'it has not been started' };
  if (silentMs <= Math.max(DEAD_AFTER_MS, DEAD_PERIODS * samplePeriodMs)) return { state: 'UP' };
  return { state: 'DOWN', reason: `no sample could be taken for ${Math.round(silentMs / 1_000)} s` };
}

import type { Database } from '../../kernel/database/database.js';
import type { Health, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { createLifecycle, withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { ConsciousnessSettings } from './config.js';
import { createContext, type Context } from './context.js';
import { createMetricsWorker } from './metrics/metrics-worker.js';
import { createGraph } from './graph/configured-graph.js';
import { createNetwork, type Network } from './network.js';
import { createResolvers } from './resolvers.js';
import { createHousekeeping } from './housekeeping.js';
import { createSamplingMetrics } from './sampling-metrics.js';
import { createTicker, systemClock, type Clock } from './ticker.js';

const CLOSE_DEADLINE_MS = 5_000;
const PING_DEADLINE_MS = 2_000;
const HOUSEKEEPING_PERIOD_MS = 60_000;
/** Sampling is taken for dead when nothing was sampled for this many periods, and for this time at least. */
const DEAD_PERIODS = 5;
const DEAD_AFTER_MS = 10_000;

/** Wires the subgraph: a network for each workspace, one ticker for the samples of all of them and one for housekeeping. */
export function createConsciousness(
  deps: SubgraphDeps,
  settings: ConsciousnessSettings,
  clock: Clock = systemClock,
): Subgraph<Context> {
  const { database, workspaces, logger } = deps;
  const lifecycle = createLifecycle({ logger, closeDeadlineMs: CLOSE_DEADLINE_MS });
  const stopping = new AbortController();
  const metrics = createSamplingMetrics(deps.metrics);
  const metricsWorker = createMetricsWorker({ logger });
  const graph = createGraph(settings.networkGraph, settings.nodeCount);
  const now = () => clock.now();
  const networks = new Map(
    workspaces.map((workspace) => [
      workspace,
      createNetwork({ ...deps, workspace, settings, graph, now, metricsWorker }),
    ]),
  );
  let sampledAt: Date | undefined;

  function networkOf(workspace: WorkspaceId): Network {
    const network = networks.get(workspace);
    if (!network)
      throw new Error(`expected one of the workspaces ${workspaces.join(', ')}, got ${workspace}`);
    return network;
  }

  /** Samples every workspace; a failure in one keeps none of the others from its sample. */
  async function sampleAll(at: Date): Promise<void> {
    const samplings = [...networks.values()].map(async ({ sampler, live }) => {
      const sample = await metrics.observe(() => sampler.sample(at));
      if (sample) live.offer(sample);
    });
    const failed = (await Promise.allSettled(samplings)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    sampledAt = clock.now();
  }

  const keep = createHousekeeping({ settings, logger, now, signal: stopping.signal });

  async function keepAll(): Promise<void> {
    for (const network of networks.values()) await keep(network);
  }

  const sampling = createTicker({
    clock,
    // As often as the network that is sampled most often; the others leave the instants between theirs out.
    periodMs: () => Math.min(...[...networks.values()].map(({ sampler }) => sampler.periodMs())),
    onTick: sampleAll,
    onError: (error) => {
      logger.error({ err: error }, 'a sample was not taken; the next one is tried when it is due');
    },
  });
  const housekeeping = createTicker({
    clock,
    periodMs: HOUSEKEEPING_PERIOD_MS,
    onTick: keepAll,
    onError: (error) => {
      logger.error({ err: error }, 'the history was not tidied up; trying again at the next time');
    },
  });

  return {
    resolvers: createResolvers({
      ...{ database, graph, networkOf, now },
      log: deps.log,
    }),
    createContext: (request) =>
      createContext(request, {
        ...networkOf(request.principal.workspace),
        nodeCount: settings.nodeCount,
      }),
    async start() {
      await lifecycle.start({ name: 'measuring of networks', close: () => metricsWorker.close() });
      for (const network of networks.values()) await network.start(lifecycle);
      sampledAt = clock.now();
      await lifecycle.start({ name: 'sampling', ...sampling });
      await lifecycle.start({ name: 'housekeeping', ...housekeeping });
    },
    async close() {
      stopping.abort();
      await lifecycle.close();
    },
    async health() {
      const silentMs = sampledAt && clock.now().getTime() - sampledAt.getTime();
      return (await findDatabaseFault(database)) ?? judgeSampling(silentMs, settings);
    },
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

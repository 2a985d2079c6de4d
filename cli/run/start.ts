import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createGateway } from '../../gateway/gateway.js';
import { openGatewayServer } from '../../gateway/ingress/gateway-server.js';
import { createThreadedPlanning } from '../../gateway/planning/threaded-planning.js';
import {
  createInProcessTransport,
  type LocalSubgraph,
} from '../../gateway/transports/in-process-transport.js';
import type { PlannedSupergraph } from '../../gateway/planning/planning.js';
import type { SubgraphAddress } from '../../gateway/supergraph/snapshot.js';
import type { Transport } from '../../gateway/transports/transport.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { openAdministration } from '../administration.js';
import { createGuestGuard } from '../guest-guard.js';
import type { SettingsTable } from '../../kernel/config/settings.js';
import { createEventLog } from '../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../kernel/events/in-process-live-bus.js';
import type { SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import { createTopicRoutes } from '../../kernel/messaging/topic-routes.js';
import { createSubgraphSchema } from '../../kernel/graphql/subgraph-schema.js';
import type { CommandRun } from '../commands/command.js';
import type { startSettings } from '../config.js';
import { startSubgraph, type RunningSubgraph } from '../local-subgraph.js';
import { openDatabase } from '../open-database.js';
import { createHostSource } from '../probe/host-source.js';
import type { ProbeSource } from '../probe/probe-source.js';
import { createProbe } from '../probe/probe.js';
import { createProcessSource } from '../probe/process-source.js';
import { openProcess, stopOnSignals, type AegisProcess } from '../process.js';
import { readTokenRules } from '../token-rules.js';
import { openTracing } from '../tracing.js';
import { loadSubgraphDoors } from '../subgraph-doors.js';
import { openTraffic, type Traffic } from '../traffic.js';
import { openTrustedDocuments } from './trusted-documents.js';

type StartRun = CommandRun<typeof startSettings & SettingsTable>;

/** Runs everything in one process, until it is told to stop. */
export async function runStart(run: StartRun): Promise<void> {
  const aegis = openProcess(run.settings, run.settings.host, readTokenRules(run.settings));
  stopOnSignals(aegis);
  try {
    await startAll(aegis, run);
  } catch (error) {
    await aegis.lifecycle.close();
    throw error;
  }
}

async function startAll(aegis: AegisProcess, { settings, root }: StartRun): Promise<void> {
  const { logger, metrics, lifecycle, identify, identifyClient, open, workspaces } = aegis;
  const tracing = await openTracing(settings, aegis);
  const guestGuard = createGuestGuard(settings, open);
  const traffic = await openTraffic(settings, { logger, metrics, lifecycle, ...guestGuard });
  logger.info(
    { data: settings.databaseUrl === undefined ? settings.data : 'Postgres server' },
    'opening the database',
  );
  const planning = createThreadedPlanning({ ...settings, logger });
  await lifecycle.start({ name: 'planning', close: () => planning.close() });
  // In the other thread, while the database starts in this one.
  const baseSdl = await readFile(join(root, 'schema', 'supergraph.graphql'), 'utf8');
  const opening = planning.open(baseSdl);
  // Told where it is awaited.
  opening.catch(() => undefined);
  const database = await openDatabase(settings, root);
  await lifecycle.start({ name: 'database', close: () => database.close() });
  const bus = createInProcessLiveBus();
  await lifecycle.start({ name: 'live bus', close: () => bus.close() });
  const log = createEventLog({ database, bus });
  const topics = createTopicRoutes();
  const deps: SubgraphDeps = {
    ...{ database, log, bus, logger, metrics, workspaces, topics },
    ...{ identify, identifyClient },
  };

  const local = new Map<string, RunningSubgraph>();
  for (const door of await loadSubgraphDoors()) {
    local.set(door.name, await startSubgraph(door, { deps, settings, root, lifecycle }));
  }

  const supergraph = await opening;
  const openTransport = chooseTransports(local, { traffic, supergraph, logger });
  const { caching } = traffic;
  const core = createGateway({
    ...settings,
    supergraph,
    planning,
    openTransport,
    caching,
    logger,
    metrics,
    tracing,
  });
  await lifecycle.start({ name: 'gateway', close: () => core.close() });
  const registeredFile = findRegisteredFile(settings);
  const administration = await openAdministration(aegis, {
    settings,
    gateway: core,
    planning,
    guestGuard,
    caching,
    baseSdl,
    registeredFile,
    root,
  });
  const running = [...local.values()].map(({ subgraph }) => subgraph);
  const trustedDocuments = await openTrustedDocuments(settings, aegis);
  const server = await openGatewayServer({
    ...settings,
    trustedDocuments,
    gateway: core,
    identify: identifyClient,
    pickHeaders: traffic.pickHeaders,
    open,
    pagesFolder: join(root, 'dist', 'pages'),
    logger,
    metrics,
    tracing,
    routes: [administration.route, ...running.flatMap(({ routes }) => routes ?? [])],
  });
  await lifecycle.start({ name: 'server', close: () => server.close() });

  const endpoints = Object.assign({}, ...running.map((subgraph) => subgraph.endpoints?.() ?? {})) as Record<
    string,
    string
  >;
  logger.info(
    { url: server.url, ...endpoints, startedInMs: Math.round(performance.now()) },
    `Aegis answers at ${server.url} (GraphiQL in a browser, GraphQL at /graphql)`,
  );
  if (settings.probe) await startProbes(aegis, { graphqlUrl: `${server.url}/graphql`, endpoints, settings });
}

/** Subgraphs of this process are called, as long as the supergraph has them at the addresses that it began with. */
function chooseTransports(
  local: ReadonlyMap<string, RunningSubgraph>,
  { traffic, supergraph, logger }: { traffic: Traffic; supergraph: PlannedSupergraph; logger: Logger },
): (address: SubgraphAddress) => Transport {
  const own = new Map(supergraph.snapshot.subgraphs.map(({ name, url }) => [name, url]));
  return (address) => {
    const here = own.get(address.name) === address.url ? local.get(address.name) : undefined;
    if (!here) return traffic.openRemote(address);
    const transport = createInProcessTransport({ ...toLocal(address.name, here), logger });
    return traffic.openLocal(address.name, transport);
  };
}

/** With a database elsewhere, this machine need not have a folder that lasts. */
function findRegisteredFile({ registered, databaseUrl, data }: StartRun['settings']): string | undefined {
  return registered ?? (databaseUrl === undefined ? join(data, 'registered-subgraphs.json') : undefined);
}

function toLocal(
  name: string,
  { subgraph, typeDefs }: RunningSubgraph,
): { readonly subgraph: LocalSubgraph } {
  return {
    subgraph: {
      name,
      schema: createSubgraphSchema(typeDefs, subgraph.resolvers),
      createContext: (request) => subgraph.createContext(request),
      health: () => subgraph.health(),
    },
  };
}

/** The probes are clients like any other, and the graph is of use without them: that one cannot start stops nothing. */
async function startProbes(
  { logger: parent, lifecycle, workspaces, ownToken, metrics }: AegisProcess,
  {
    graphqlUrl,
    endpoints,
    settings,
  }: { graphqlUrl: string; endpoints: Record<string, string>; settings: StartRun['settings'] },
): Promise<void> {
  const [workspace] = workspaces;
  // Without a broker of its own, devices listens at another one, whose URL holds what that one asks for.
  const external: unknown = settings['devices.mqttUrl'];
  const mqttUrl = endpoints['mqtt'] ?? external;
  if (typeof mqttUrl !== 'string' || workspace === undefined) return;
  const logger = parent.child({ part: 'probe' });
  const options = {
    ...{ graphqlUrl, mqttUrl, workspace, logger },
    token: ownToken,
    brokerToken: mqttUrl === external ? undefined : ownToken,
  };

  async function startOne<Reading>(source: ProbeSource<Reading>): Promise<void> {
    const probe = createProbe(source, options);
    const { name } = source.device;
    await lifecycle.start({
      name: `probe of ${name}`,
      start: () =>
        probe.start().catch((error: unknown) => {
          logger.warn({ err: error }, `the probe does not measure ${name}`);
        }),
      close: () => probe.close(),
    });
  }

  await startOne(createHostSource(logger));
  await startOne(createProcessSource(metrics));
}

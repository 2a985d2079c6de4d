import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSupergraph } from '../../gateway/supergraph/read-supergraph.js';
import { SettingsError, type SettingsTable } from '../../kernel/config/settings.js';
import { createEventLog } from '../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../kernel/events/live-bus.js';
import { createPostgresLiveBus } from '../../kernel/events/postgres-live-bus.js';
import type { SubgraphDeps, SubgraphDoor } from '../../kernel/graphql/subgraph.js';
import { createSubgraphServer } from '../../kernel/graphql/serve-subgraph.js';
import { findBearerToken } from '../../kernel/identity/bearer-token.js';
import { createHandOverVerifier } from '../../kernel/identity/hand-over.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { CommandRun } from '../commands/command.js';
import type { subgraphProcessSettings } from '../config.js';
import { startSubgraph } from '../local-subgraph.js';
import { openDatabase } from '../open-database.js';
import { openProcess, stopOnSignals, type AegisProcess } from '../process.js';
import { loadDoor } from '../subgraph-doors.js';
import { openTracing } from '../tracing.js';

type SubgraphRun = CommandRun<typeof subgraphProcessSettings & SettingsTable>;

/** Serves one subgraph, until it is told to stop. */
export async function runSubgraph(run: SubgraphRun): Promise<void> {
  const [name = ''] = run.words;
  const aegis = openProcess(run.settings, run.settings.host);
  stopOnSignals(aegis);
  try {
    await serve(await loadDoor(name), aegis, run);
  } catch (error) {
    await aegis.lifecycle.close();
    throw error;
  }
}

async function serve(
  door: SubgraphDoor,
  aegis: AegisProcess,
  { settings, root }: SubgraphRun,
): Promise<void> {
  const { logger, metrics, lifecycle, identify, workspaces } = aegis;
  const tracing = await openTracing(settings, aegis);
  const port = settings.port ?? (await portInSupergraph(door.name, root));
  const database = await openDatabase(settings, root);
  await lifecycle.start({ name: 'database', close: () => database.close() });
  const bus = await openLiveBus(settings.databaseUrl, logger);
  await lifecycle.start({ name: 'live bus', close: () => bus.close() });
  const log = createEventLog({ database, bus });
  const verify = createHandOverVerifier({
    secret: settings.handOverSecret,
    subgraph: settings.subgraphName ?? door.name,
  });
  const deps: SubgraphDeps = {
    ...{ database, log, bus, logger, metrics, workspaces, identify },
    identifyClient: (credentials) => identify(credentials) ?? verify(credentials.token),
  };
  const running = await startSubgraph(door, { deps, settings, root, lifecycle });
  const server = await createSubgraphServer({
    ...running,
    name: door.name,
    host: settings.host,
    port,
    identify,
    authenticate: (presented) => verify(findBearerToken(presented)),
    logger,
    metrics,
    tracing,
  });
  await lifecycle.start({ name: 'server', close: () => server.close() });
  logger.info(
    { url: server.url, ...running.subgraph.endpoints?.() },
    `subgraph ${door.name} answers at ${server.url}/graphql`,
  );
}

/** Several processes hear each other through the Postgres server that they share; with an embedded one there is but one. */
async function openLiveBus(databaseUrl: string | undefined, logger: Logger): Promise<LiveBus> {
  return databaseUrl === undefined
    ? createInProcessLiveBus()
    : createPostgresLiveBus({ url: databaseUrl, logger });
}

async function portInSupergraph(name: string, root: string): Promise<number> {
  const file = join(root, 'schema', 'supergraph.graphql');
  const { facts } = readSupergraph(await readFile(file, 'utf8'));
  const address = facts.subgraphs.find((one) => one.name === name);
  if (address && URL.canParse(address.url)) return Number(new URL(address.url).port) || 80;
  throw new SettingsError([`--port: expected a port, for ${file} does not name an address of ${name}.`]);
}

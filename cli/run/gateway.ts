import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/gateway.js';
import { openGatewayServer } from '../../gateway/ingress/gateway-server.js';
import { describeAddress } from '../../gateway/supergraph/describe-address.js';
import { createThreadedPlanning } from '../../gateway/planning/threaded-planning.js';
import type { SubgraphRegistry } from '../../gateway/registration/subgraph-registry.js';
import { SupergraphInvalid } from '../../gateway/supergraph/snapshot.js';
import { watchText } from '../../gateway/supergraph/watch-file.js';
import { SettingsError } from '../../kernel/config/settings.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { openAdministration } from '../administration.js';
import { createGuestGuard } from '../guest-guard.js';
import type { CommandRun } from '../commands/command.js';
import { openPassedPaths } from '../passed-paths.js';
import type { gatewayProcessSettings } from '../config.js';
import { openProcess, stopOnSignals } from '../process.js';
import { readTokenRules } from '../token-rules.js';
import { openTracing } from '../tracing.js';
import { openTraffic } from '../traffic.js';
import { openTrustedDocuments } from './trusted-documents.js';

/** How often the supergraph file is looked at, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

type GatewayRun = CommandRun<typeof gatewayProcessSettings>;

/** Serves a supergraph file, until it is told to stop. */
export async function runGateway({ settings, root }: GatewayRun): Promise<void> {
  const supergraphSdl = await readSupergraphFile(settings.supergraph);
  const aegis = openProcess(settings, settings.host, readTokenRules(settings));
  const { logger, metrics, lifecycle, identifyClient, open } = aegis;
  const tracing = await openTracing(settings, aegis);
  const guestGuard = createGuestGuard(settings, open);
  const traffic = await openTraffic(settings, { logger, metrics, lifecycle, ...guestGuard });
  const planning = createThreadedPlanning({ ...settings, logger });
  await lifecycle.start({ name: 'planning', close: () => planning.close() });
  const { supergraph: file, ...others } = settings;
  const core = await openGateway(supergraphSdl, {
    ...others,
    file,
    planning,
    openTransport: traffic.openRemote,
    caching: traffic.caching,
    logger,
    metrics,
    tracing,
  });
  await lifecycle.start({ name: 'gateway', close: () => core.close() });
  const administration = await openAdministration(aegis, {
    settings,
    gateway: core,
    planning,
    guestGuard,
    caching: traffic.caching,
    baseSdl: supergraphSdl,
    registeredFile: settings.registered,
    root,
  });
  const passed = await openPassedPaths(aegis, { settings, gateway: core, guestGuard });
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
    routes: [administration.route, passed.route],
  });
  await lifecycle.start({ name: 'server', close: () => server.close() });
  const stopWatching = watchText(settings.supergraph, supergraphSdl, {
    everyMs: LOOK_EVERY_MS,
    onText: (text) => {
      void takeSupergraph(administration.registry, text, { file: settings.supergraph, logger });
    },
    onError: (error) => {
      logger.error({ err: error }, `${settings.supergraph} cannot be read: the supergraph stays as it is`);
    },
  });
  await lifecycle.start({
    name: 'watch',
    close: () => {
      stopWatching();
      return Promise.resolve();
    },
  });
  stopOnSignals(aegis);
  const subgraphs = core.current.snapshot.subgraphs.map(
    ({ name, url }) => `${name} at ${describeAddress(url)}`,
  );
  logger.info({ url: server.url, subgraphs }, `the gateway answers at ${server.url}/graphql`);
}

/** Goes on with another supergraph, or with the one it has when the file holds none. */
async function takeSupergraph(
  registry: SubgraphRegistry,
  text: string,
  { file, logger }: { file: string; logger: Logger },
): Promise<void> {
  try {
    await registry.takeBase(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error({ reason }, `${file} is refused: the supergraph stays as it is`);
  }
}

/** A file that holds no supergraph is a mistake of who gave it, like any other setting. */
async function openGateway(
  supergraphSdl: string,
  options: Omit<GatewayOptions, 'supergraph'> & { readonly file: string },
): Promise<Gateway> {
  try {
    return createGateway({ ...options, supergraph: await options.planning.open(supergraphSdl) });
  } catch (error) {
    if (error instanceof SupergraphInvalid)
      throw new SettingsError([`--supergraph ${options.file}: ${error.message}`]);
    throw error;
  }
}

async function readSupergraphFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SettingsError([`--supergraph: expected a readable file, but: ${reason}.`]);
  }
}

import { randomBytes } from 'node:crypto';
import { createIdentify, parseApiKeys, type ApiKey } from '../kernel/identity/api-keys.js';
import type { Identify, IdentifyClient } from '../kernel/graphql/subgraph.js';
import { SettingsError } from '../kernel/config/settings.js';
import { DEFAULT_WORKSPACE, type WorkspaceId } from '../kernel/identity/principal.js';
import { createLifecycle, type Lifecycle } from '../kernel/lifecycle/lifecycle.js';
import { createLogger, type Logger } from '../kernel/telemetry/logger.js';
import { createMetrics, type Metrics } from '../kernel/telemetry/metrics.js';
import { createTokenIdentify, type TokenRules } from '../kernel/identity/json-web-tokens.js';
import type { ProcessSettings } from './config.js';

/** What every process of Aegis has. */
export interface AegisProcess {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  /** By API keys alone: for doors whose protocols know no other. */
  readonly identify: Identify;
  /** By API keys and signed tokens. */
  readonly identifyClient: IdentifyClient;
  /** True while there are neither API keys nor signed tokens, and so everybody who reaches the process is let in. */
  readonly open: boolean;
  readonly workspaces: readonly WorkspaceId[];
  /** Opens the first workspace to this process's own clients; undefined while everybody is let in. */
  readonly ownToken: string | undefined;
}

/** How long a stop may take, in milliseconds: the ten seconds that containers and people wait, less some to say so. */
const CLOSE_DEADLINE_MS = 9_000;

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/**
 * Sets up a process: its log, metrics, keys, and its ordered stop.
 *
 * @param tokens which signed tokens let clients in; none by default.
 * @param host where it will listen. Errors: SettingsError when that is beyond this machine and there are no keys.
 */
export function openProcess(settings: ProcessSettings, host: string, tokens?: TokenRules): AegisProcess {
  const keys = settings.apiKeys;
  const open = keys.length === 0 && !tokens;
  if (open && !LOOPBACK.test(host)) {
    throw new SettingsError([
      `--host ${host}: expected a loopback address while there are no API keys, for everybody who reaches it would be let in. Set AEGIS_API_KEYS, or take signed tokens (AEGIS_JWT_…), to listen there.`,
    ]);
  }
  const pretty = settings.logFormat === 'pretty' || (settings.logFormat === 'auto' && process.stdout.isTTY);
  const logger = createLogger({ level: settings.logLevel, pretty });
  const workspaces = open ? [DEFAULT_WORKSPACE] : workspacesOf(keys, tokens !== undefined);
  const ownToken = open ? undefined : randomBytes(32).toString('base64url');
  const ownKeys =
    ownToken === undefined ? [] : parseApiKeys(`${workspaces[0] ?? DEFAULT_WORKSPACE}:${ownToken}`);
  const identify = createIdentify([...keys, ...ownKeys], { openWorkspace: DEFAULT_WORKSPACE });
  const identifyToken = tokens && createTokenIdentify(tokens);
  return {
    logger,
    metrics: createMetrics(),
    lifecycle: createLifecycle({ logger, closeDeadlineMs: CLOSE_DEADLINE_MS }),
    identify,
    identifyClient: identifyToken
      ? (credentials) => identify(credentials) ?? identifyToken(credentials)
      : identify,
    open,
    workspaces,
    ownToken,
  };
}

/** Those that the keys open; signed tokens open the default one as well. */
function workspacesOf(keys: readonly ApiKey[], withTokens: boolean): readonly WorkspaceId[] {
  const named = keys.map(({ workspace }) => workspace);
  return [...new Set(withTokens ? [...named, DEFAULT_WORKSPACE] : named)];
}

/** Stops in order at Ctrl-C and SIGTERM; a second Ctrl-C stops at once. */
export function stopOnSignals({ lifecycle, logger }: AegisProcess): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(130);
      stopping = true;
      logger.info({ signal }, 'stopping');
      void lifecycle.close().then(() => {
        logger.info('stopped');
        process.exit(0);
      });
    });
  }
}

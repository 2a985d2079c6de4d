import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findFreePort } from '../../test/support/free-port.js';
import { waitFor } from '../../test/support/wait-for.js';

/** How long the main thread of a process was kept from its event loop since the last look; see event-loop-monitor.mjs. */
export interface LoopFigures {
  /** The longest time between two turns, at most two milliseconds too long. */
  readonly longestMs: number;
  /** The same without the time in which the thread waited for a processor; 0 where the system does not tell that time. */
  readonly longestOwnMs: number;
  /** The longest of these without garbage collection: what the gateway’s own code did in one turn. */
  readonly longestWorkMs: number;
  /** The longest pause of the garbage collector. */
  readonly longestCollectionMs: number;
  /** How many of the own times were above 10 ms. */
  readonly longerThan10: number;
}

/** A gateway that runs as a process of its own. */
export interface RunningGateway {
  readonly url: string;
  readonly pid: number;
  /** How long its event loop was blocked since the last look. Errors: when it was not started to be monitored. */
  readLoop(): Promise<LoopFigures>;
  close(): Promise<void>;
}

/** One of the gateways to compare. */
export interface Contender {
  readonly name: string;
  /** @param options.monitored whether {@link RunningGateway.readLoop} is wanted; its monitor takes some processor time. */
  start(supergraphFile: string, options?: { readonly monitored?: boolean }): Promise<RunningGateway>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PEERS = join(ROOT, 'bench', 'peers');
const MONITOR = pathToFileURL(join(ROOT, 'bench', 'processes', 'event-loop-monitor.mjs')).href;
const START_DEADLINE_MS = 60_000;
const LOOK_DEADLINE_MS = 10_000;
/** How much of what a gateway complains about is kept. */
const COMPLAINTS_CHARACTERS = 2_000;

interface Program {
  readonly args: (supergraphFile: string, port: number) => readonly string[];
  readonly cwd: string;
  readonly path?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function contender(name: string, { args, cwd, path = '/graphql', env = {} }: Program): Contender {
  return {
    name,
    async start(supergraphFile, { monitored = false } = {}) {
      const port = await findFreePort();
      const monitor = monitored ? ['--import', MONITOR] : [];
      const child = spawn(process.execPath, [...monitor, ...args(supergraphFile, port)], {
        cwd,
        env: { ...process.env, NODE_ENV: 'production', AEGIS_LOG_LEVEL: 'warn', ...env },
        stdio: ['ignore', 'ignore', 'pipe', monitored ? 'ipc' : 'ignore'],
      });
      let complaints = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        complaints = (complaints + text).slice(-COMPLAINTS_CHARACTERS);
      });
      const url = `http://127.0.0.1:${port}${path}`;
      try {
        await waitFor(`${name} answers`, () => isAnswered(url, child), {
          deadlineMs: START_DEADLINE_MS,
          everyMs: 100,
        });
      } catch (error) {
        await end(child);
        throw new Error(`${name} did not start; it said: ${complaints || 'nothing'}`, { cause: error });
      }
      return { url, pid: child.pid ?? 0, readLoop: () => readLoop(child), close: () => end(child) };
    },
  };
}

async function isAnswered(url: string, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ query: '{ __typename }' });
  const signal = AbortSignal.timeout(LOOK_DEADLINE_MS);
  return (await fetch(url, { method: 'POST', headers, body, signal })).ok;
}

async function readLoop(child: ChildProcess): Promise<LoopFigures> {
  if (!child.connected) throw new Error('expected a gateway that was started to be monitored');
  const signal = AbortSignal.timeout(LOOK_DEADLINE_MS);
  const answer = once(child, 'message', { signal });
  child.send('read the event loop');
  const [figures] = (await answer) as [LoopFigures];
  return figures;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** What stands between `node` and the program in the image's entry point. */
function readImageFlags(): readonly string[] {
  const entry = /^ENTRYPOINT (?<words>\[.*\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));
  const words = JSON.parse(entry?.groups?.['words'] ?? '[]') as string[];
  return words.filter((word) => word.startsWith('--'));
}

/** Aegis as `aegis gateway` runs it. */
function aegis(name: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return contender(name, {
    cwd: ROOT,
    env,
    args: (file, port) => [
      ...flags,
      ...['dist/cli/main.js', 'gateway', '--supergraph', file, '--port', String(port)],
    ],
  });
}

const NURSERY_FLAG = '--max-semi-space-size';
const COALESCING = 'AEGIS_COALESCE_OPERATIONS';

/** Aegis with the flags that its image gives to node. */
export const AEGIS = aegis('Aegis', readImageFlags());

/** Aegis otherwise set: as far as this checkout has the settings. */
export function findVariants(): readonly Contender[] {
  const flags = readImageFlags();
  const others = flags.filter((flag) => !flag.startsWith(NURSERY_FLAG));
  const withSetting = readFileSync(join(ROOT, '.env.example'), 'utf8').includes(COALESCING);
  return [
    ...(withSetting
      ? [aegis('Aegis, equal client operations coalesced', flags, { [COALESCING]: 'true' })]
      : []),
    ...(others.length < flags.length ? [aegis(`Aegis without ${NURSERY_FLAG}`, others)] : []),
  ];
}

const HIVE = (file: string, port: number) => [
  'node_modules/@graphql-hive/gateway/dist/bin.js',
  ...['supergraph', file, '--port', String(port), '--host', '127.0.0.1'],
];

/** Hive Gateway with subscriptions over graphql-ws to its subgraphs. */
const HIVE_LIVE = contender('Hive Gateway 2.14', {
  cwd: PEERS,
  args: (file, port) => [...HIVE(file, port), '-c', 'hive-subscriptions.config.mjs'],
});

const OTHERS: readonly Contender[] = [
  contender('Apollo Gateway 2.14', {
    cwd: PEERS,
    path: '/',
    args: (file, port) => ['apollo-gateway.mjs', file, String(port)],
  }),
  contender('Hive Gateway 2.14', { cwd: PEERS, args: (file, port) => [...HIVE(file, port), '--jit'] }),
  contender('Hive Gateway 2.14, Rust planner', {
    cwd: PEERS,
    args: (file, port) => [...HIVE(file, port), '-c', 'hive-router-runtime.config.mjs'],
  }),
];

/** The gateways to measure beside Aegis. Installs them at the first time, beside the project and never into it. */
export function findPeers(): readonly Contender[] {
  return arePeersThere() ? OTHERS : [];
}

/** Those that serve subscriptions. */
export function findLivePeers(): readonly Contender[] {
  return arePeersThere() ? [HIVE_LIVE] : [];
}

function arePeersThere(): boolean {
  if (existsSync(join(PEERS, 'node_modules'))) return true;
  process.stdout.write('installing the peers into bench/peers (once, a few minutes)\n');
  const install = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'],
    { cwd: PEERS, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (install.status === 0) return true;
  process.stdout.write('the peers could not be installed: measuring Aegis and the floors alone\n');
  return false;
}

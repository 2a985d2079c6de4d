import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../test/support/free-port.js';
import { waitFor } from '../../test/support/wait-for.js';

/** A gateway that runs as a process of its own. */
export interface RunningGateway {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** One of the gateways to compare. */
export interface Contender {
  readonly name: string;
  start(supergraphFile: string): Promise<RunningGateway>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PEERS = join(ROOT, 'bench', 'peers');

interface Program {
  readonly args: (supergraphFile: string, port: number) => readonly string[];
  readonly cwd: string;
  readonly path?: string;
}

function contender(name: string, { args, cwd, path = '/graphql' }: Program): Contender {
  return {
    name,
    async start(supergraphFile) {
      const port = await findFreePort();
      const child = spawn(process.execPath, args(supergraphFile, port), {
        cwd,
        env: { ...process.env, NODE_ENV: 'production', AEGIS_LOG_LEVEL: 'warn' },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const url = `http://127.0.0.1:${port}${path}`;
      const ask = async () => {
        const body = JSON.stringify({ query: '{ __typename }' });
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
        });
        return response.ok;
      };
      await waitFor(`${name} answers`, ask, { deadlineMs: 30_000, everyMs: 100 });
      return {
        url,
        pid: child.pid ?? 0,
        async close() {
          const exit = once(child, 'exit');
          child.kill('SIGKILL');
          await exit;
        },
      };
    },
  };
}

/** Aegis as `aegis gateway` runs it, with the flags that its image gives to node. */
export const AEGIS = contender('Aegis', {
  cwd: ROOT,
  args: (file, port) => ['dist/cli/main.js', 'gateway', '--supergraph', file, '--port', String(port)],
});

const HIVE = (file: string, port: number) => [
  'node_modules/@graphql-hive/gateway/dist/bin.js',
  ...['supergraph', file, '--port', String(port), '--host', '127.0.0.1'],
];

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
  if (!existsSync(join(PEERS, 'node_modules'))) {
    process.stdout.write('installing the peers into bench/peers (once, a few minutes)\n');
    const install = spawnSync(
      'npm',
      ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'],
      {
        cwd: PEERS,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    if (install.status !== 0) {
      process.stdout.write('the peers could not be installed: measuring Aegis and the floors alone\n');
      return [];
    }
  }
  return OTHERS;
}

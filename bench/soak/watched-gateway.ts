import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../test/support/free-port.js';
import { waitFor } from '../../test/support/wait-for.js';

/** `aegis gateway` as a process, whose log is read. */
export interface WatchedGateway {
  /** Such as `http://127.0.0.1:4000`. */
  readonly origin: string;
  readonly pid: number;
  /** How many lines of each message there were at the levels error and fatal, and on the error output. */
  readonly complaints: ReadonlyMap<string, number>;
  /** Those that tell of an error that nobody handled, in full. */
  readonly unhandled: readonly string[];
  /** What it ended with; undefined while it runs. */
  ended(): string | undefined;
  /** Stops it as a service manager does, and tells its exit code; undefined when it had to be killed. */
  stop(): Promise<number | undefined>;
}

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const ERROR_LEVEL = 50;
const UNHANDLED = /unhandled|uncaught|nobody handled|unforeseen/i;
const STOP_DEADLINE_MS = 15_000;
/** How many complete lines, and how many messages, are kept. */
const MAX_KEPT = 200;

interface LogLine {
  readonly level?: number | string;
  readonly msg?: string;
}

/** @param env its settings. */
export async function startWatchedGateway(
  supergraphFile: string,
  env: Readonly<Record<string, string>>,
): Promise<WatchedGateway> {
  const port = await findFreePort();
  const args = [MAIN, 'gateway', '--supergraph', supergraphFile, '--port', String(port)];
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      AEGIS_LOG_FORMAT: 'json',
      AEGIS_LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const complaints = new Map<string, number>();
  const unhandled: string[] = [];

  function read(text: string): void {
    const line = readLine(text);
    const serious = line === undefined || line.level === 'fatal' || isError(line.level);
    if (!serious) return;
    const message = (line?.msg ?? text).slice(0, 200);
    if (complaints.has(message) || complaints.size < MAX_KEPT)
      complaints.set(message, (complaints.get(message) ?? 0) + 1);
    if (UNHANDLED.test(text) && unhandled.length < MAX_KEPT) unhandled.push(text);
  }

  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
  const ended = () =>
    child.exitCode === null ? (child.signalCode ?? undefined) : `exit code ${child.exitCode}`;
  const origin = `http://127.0.0.1:${port}`;
  const isReady = async () => (await fetch(`${origin}/health/live`)).ok;
  await waitFor('the gateway answers', isReady, { deadlineMs: 60_000, everyMs: 100 });
  return {
    origin,
    pid: child.pid ?? 0,
    complaints,
    unhandled,
    ended,
    async stop() {
      if (ended() !== undefined) return child.exitCode ?? undefined;
      const exit = once(child, 'exit', { signal: AbortSignal.timeout(STOP_DEADLINE_MS) });
      child.kill('SIGTERM');
      await exit.catch(() => child.kill('SIGKILL'));
      return child.exitCode ?? undefined;
    },
  };
}

function isError(level: number | string | undefined): boolean {
  return level === 'error' || (typeof level === 'number' && level >= ERROR_LEVEL);
}

/** Undefined when it is no line of the log: what a process says that ends by an error. */
function readLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}

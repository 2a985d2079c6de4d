import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** A line of an Aegis process's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

/** An `aegis` command that runs as a process of its own. */
export interface AegisProcess {
  readonly pid: number;
  readonly lines: readonly LogLine[];
  /** The first line, also an earlier one, that meets a condition. Errors: when the process ends or the deadline passes. */
  waitForLine(what: string, condition: (line: LogLine) => boolean): Promise<LogLine>;
  /** Resolves when it has ended by itself or was ended. */
  readonly ended: Promise<unknown>;
  /** Null while it runs, and after a signal. */
  exitCode(): number | null;
  /** Closes its outputs, as a log reader that died does. */
  stopReading(): void;
  /** Ends it and tells its exit code; null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface AegisProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

const STOP_DEADLINE_MS = 12_000;
/** How long a line is waited for: a start takes seconds, and more on a machine that is busy with other test files. */
const DEADLINE_MS = 90_000;

/** Runs the built `aegis` with nothing of the tests' own settings in its environment. */
export function spawnAegis(
  args: readonly string[],
  { env = {}, deadlineMs = DEADLINE_MS }: AegisProcessOptions = {},
): AegisProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('AEGIS_') && name !== 'DATABASE_URL' && name !== 'NODE_OPTIONS',
  );
  const child = spawn(process.execPath, [MAIN, ...args], {
    // Not the checkout: a file .env there is its user's, and no setting of a test.
    cwd: tmpdir(),
    env: { ...Object.fromEntries(inherited), AEGIS_LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: LogLine[] = [];
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(readLine(text));
      for (const look of watchers) look();
    });
  }
  const exited = once(child, 'close');
  void exited.then(() => {
    for (const look of watchers) look();
  });

  return {
    pid: child.pid ?? 0,
    lines,
    ended: exited,
    exitCode: () => child.exitCode,
    stopReading() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    waitForLine(what, condition) {
      return new Promise((resolve, reject) => {
        const fail = (why: string) => {
          finish();
          const tail = lines.slice(-15).map((line) => JSON.stringify(line));
          reject(new Error(`${why} before ${what}; its last lines:\n${tail.join('\n')}`));
        };
        const timer = setTimeout(() => {
          fail(`${deadlineMs} ms passed`);
        }, deadlineMs);
        const look = () => {
          const line = lines.find(condition);
          if (line) {
            finish();
            resolve(line);
          } else if (hasEnded(child))
            fail(`the process ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}`);
        };
        const finish = () => {
          clearTimeout(timer);
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      });
    },
    async stop(signal = 'SIGTERM') {
      if (!hasEnded(child)) {
        child.kill(signal);
        await Promise.race([exited, sleep(STOP_DEADLINE_MS, undefined, { ref: false })]);
        if (!hasEnded(child)) {
          child.kill('SIGKILL');
          await exited;
          throw new Error(`aegis ${args[0] ?? ''} did not stop within ${STOP_DEADLINE_MS} ms of ${signal}`);
        }
      }
      return child.exitCode;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function readLine(text: string): LogLine {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as LogLine) : { msg: text };
  } catch {
    return { msg: text };
  }
}

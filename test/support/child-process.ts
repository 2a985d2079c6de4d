import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program that runs beside the tests. */
export interface RunningProgram {
  /** What it wrote to its two outputs so far, at most the last 64 KiB. */
  output(): string;
  /** Whether it has ended by itself. */
  hasEnded(): boolean;
  /** Ends it: first as asked, then, past five seconds, by force. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const STOP_DEADLINE_MS = 5_000;
const OUTPUT_CHARACTERS = 65_536;

/** The user nobody of Debian: servers that refuse to run as root run as this one. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/** Who a server program runs as: nobody when the tests run as root, otherwise whoever runs the tests. */
export function serverUser(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? NOBODY : {};
}

/** Starts a program and keeps what it writes. */
export function runProgram(
  path: string,
  args: readonly string[],
  options: SpawnOptions = {},
): RunningProgram {
  const child: ChildProcess = spawn(path, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-OUTPUT_CHARACTERS);
    });
  }
  child.once('error', (error) => {
    text += String(error);
    ended = true;
  });
  child.once('exit', () => {
    ended = true;
  });
  return {
    output: () => text,
    hasEnded: () => ended,
    async stop(signal = 'SIGTERM') {
      if (ended) return;
      const exit = once(child, 'exit');
      child.kill(signal);
      await Promise.race([exit, sleep(STOP_DEADLINE_MS, undefined, { ref: false })]);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await exit;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnAegis } from '../test/support/aegis-process.js';
import { findFreePort } from '../test/support/free-port.js';
import { waitFor } from '../test/support/wait-for.js';
import type { Bench, BenchOptions, Row } from './support/bench.js';
import { medianOf } from './support/percentiles.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

/** A process that has just become ready. */
interface Started {
  readonly pid: number;
  readonly readyMs: number;
  stop(): Promise<void>;
}

type Start = (folder: string) => Promise<Started>;

const SETTLE_MS = 5_000;
const START_DEADLINE_MS = 60_000;

/** `node dist/cli/main.js start` on a folder, with the options of `npm start`, until it says that it is ready. */
async function startAegis(folder: string): Promise<Started> {
  const port = String(await findFreePort());
  const begunAt = performance.now();
  const aegis = spawnAegis(
    ['start', '--port', port, '--mqtt-port', '0', '--coap-port', '0', '--data', folder],
    {
      env: { NODE_OPTIONS: '--enable-source-maps' },
    },
  );
  await waitForReady(port);
  const readyMs = performance.now() - begunAt;
  return {
    pid: aegis.pid,
    readyMs,
    async stop() {
      await aegis.stop();
    },
  };
}

/** The whole of `npm start`, npm itself and the look at whether the build is current included. */
async function startThroughNpm(folder: string): Promise<Started> {
  const port = String(await findFreePort());
  const begunAt = performance.now();
  const args = [
    'start',
    '--silent',
    '--',
    '--port',
    port,
    '--mqtt-port',
    '0',
    '--coap-port',
    '0',
    '--data',
    folder,
  ];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  // A group of its own, as npm does not hand a signal on to what its shell has started.
  const npm = spawn('npm', args, { cwd, detached: true, stdio: 'ignore' });
  const exit = once(npm, 'exit');
  await waitForReady(port);
  const readyMs = performance.now() - begunAt;
  return {
    pid: npm.pid ?? 0,
    readyMs,
    async stop() {
      process.kill(-(npm.pid ?? 0), 'SIGTERM');
      await exit;
      await waitFor('Aegis has ended', () => isRefused(port));
    },
  };
}

async function startBarePglite(folder: string): Promise<Started> {
  const begunAt = performance.now();
  const file = fileURLToPath(new URL('processes/bare-pglite.mjs', import.meta.url));
  const child = spawn(process.execPath, [file, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const ended = exit.then(() => {
    throw new Error('PGlite did not open');
  });
  await Promise.race([once(child.stdout, 'data'), ended]);
  const readyMs = performance.now() - begunAt;
  return {
    pid: child.pid ?? 0,
    readyMs,
    async stop() {
      child.kill('SIGTERM');
      await exit;
    },
  };
}

async function waitForReady(port: string): Promise<void> {
  const url = `http://127.0.0.1:${port}/health/ready`;
  await waitFor('Aegis is ready', async () => (await fetch(url)).ok, {
    deadlineMs: START_DEADLINE_MS,
    everyMs: 10,
  });
}

async function isRefused(port: string): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/live`).then(
    () => false,
    () => true,
  );
}

/** Starts on an empty folder and again on what that left, as often as asked for. */
async function repeatStarts(
  start: Start,
  { starts, folder }: { starts: number; folder: string },
): Promise<{ readonly first: number[]; readonly second: number[] }> {
  const times = { first: [] as number[], second: [] as number[] };
  for (let round = 0; round < starts; round += 1) {
    const data = join(folder, String(round));
    for (const which of ['first', 'second'] as const) {
      const started = await start(data);
      times[which].push(started.readyMs);
      await started.stop();
    }
    if (round > 0) await rm(data, { recursive: true, force: true });
  }
  return times;
}

function toRow(subject: string, timesMs: readonly number[]): Row {
  return {
    subject,
    figures: {
      'ready s': medianOf(timesMs) / 1_000,
      'fastest s': Math.min(...timesMs) / 1_000,
      'slowest s': Math.max(...timesMs) / 1_000,
    },
  };
}

/** What a process holds once it has settled, and what it holds and uses when it has run for a while. */
async function measureMemory(start: Start, folder: string, runSeconds: number): Promise<Row['figures']> {
  const started = await start(folder);
  try {
    await sleep(SETTLE_MS);
    const settledMib = readResidentMib(started.pid);
    const restMs = runSeconds * 1_000 - SETTLE_MS;
    if (restMs <= 0) return { 'after 5 s MiB': settledMib };
    const stopCpu = measureCpu(started.pid);
    await sleep(restMs);
    const cpuMs = stopCpu();
    return {
      'after 5 s MiB': settledMib,
      [`after ${runSeconds} s MiB`]: readResidentMib(started.pid),
      'CPU ms/s': cpuMs === undefined ? undefined : (cpuMs * 1_000) / restMs,
    };
  } finally {
    await started.stop();
  }
}

async function run({ starts, probeSeconds }: BenchOptions) {
  return withTemporaryFolder(async (folder) => {
    const ours = join(folder, 'aegis');
    const bare = join(folder, 'bare');
    await mkdir(bare);
    const aegis = await repeatStarts(startAegis, { starts, folder: ours });
    const pglite = await repeatStarts(startBarePglite, { starts, folder: bare });
    const npm = await startThroughNpm(join(ours, '0'));
    await npm.stop();
    const memory = await measureMemory(startAegis, join(ours, '0'), probeSeconds);
    const floor = await measureMemory(startBarePglite, join(bare, '0'), 0);
    return [
      {
        title: `From the start of the process to ready, median of ${starts}`,
        rows: [
          toRow('Aegis, empty data folder', aegis.first),
          toRow('Aegis, second start', aegis.second),
          toRow('Aegis, second start through npm start', [npm.readyMs]),
          toRow('floor: bare PGlite, empty folder', pglite.first),
          toRow('floor: bare PGlite, second start', pglite.second),
        ],
        notes: [
          'Aegis is ready at the first 200 of /health/ready, asked every 10 ms; PGlite at the answer to SELECT 1.',
        ],
      },
      {
        title: 'Resident memory, second start',
        rows: [
          { subject: 'Aegis with the host probe', figures: memory },
          { subject: 'floor: bare PGlite, idle', figures: floor },
        ],
      },
    ];
  });
}

export const startUp: Bench = {
  question: 'How soon does `npm start` answer, and how much memory does it hold?',
  run,
};

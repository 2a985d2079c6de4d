/* Runs the benches that are named, or all: their tables on stdout and in bench/results/<name>.md, the figures in <name>.json. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dashboards } from './dashboards.js';
import { drawCharts } from './draw-charts.js';
import { fanOut } from './fan-out.js';
import { heavyQuery } from './heavy-query.js';
import { inProcess } from './in-process.js';
import { ingest } from './ingest.js';
import { manyPlans } from './many-plans.js';
import { network } from './network.js';
import { query } from './query.js';
import { replayedHour } from './replay.js';
import { runSoak } from './soak.js';
import { startUp } from './start-up.js';
import type { Bench, BenchOptions } from './support/bench.js';
import { readCommandLine } from './support/command-line.js';
import { formatMarkdown, formatTable } from './support/format-table.js';
import { describeMachine, readLoad } from './support/machine.js';

const BENCHES: Readonly<Record<string, Bench>> = {
  'start-up': startUp,
  ingest,
  query,
  'heavy-query': heavyQuery,
  'many-plans': manyPlans,
  'fan-out': fanOut,
  'in-process': inProcess,
  dashboards,
  network,
  replay: replayedHour,
};
const CHARTS = 'charts';
const SOAK = 'soak';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

async function runBench(name: string, bench: Bench, options: BenchOptions): Promise<void> {
  const loadBefore = readLoad();
  const begunAt = new Date();
  process.stdout.write(`\n# ${name}: ${bench.question}\n  load before: ${loadBefore.join(' ')}\n\n`);
  const tables = await bench.run(options);
  for (const table of tables) process.stdout.write(`${formatTable(table)}\n\n`);
  const seconds = Math.round((Date.now() - begunAt.getTime()) / 1_000);
  const loadAfter = readLoad();
  process.stdout.write(`  load after: ${loadAfter.join(' ')}; took ${seconds} s\n`);
  const result = {
    ...{ bench: name, question: bench.question, begunAt, seconds, options, machine: describeMachine() },
    ...{ loadBefore, loadAfter, tables },
  };
  const results = join(FOLDER, 'results');
  await mkdir(results, { recursive: true });
  await writeFile(join(results, `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
  await writeFile(join(results, `${name}.md`), `${tables.map(formatMarkdown).join('\n\n')}\n`);
}

/** A bench that fails is told, and the others run. */
async function runNamed(names: readonly string[], options: BenchOptions): Promise<void> {
  for (const name of names) {
    const bench = BENCHES[name];
    if (!bench) continue;
    try {
      await runBench(name, bench, options);
    } catch (error) {
      process.stderr.write(
        `${name} failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`,
      );
      process.exitCode = 1;
    }
  }
}

async function main(): Promise<void> {
  const benches = Object.keys(BENCHES);
  const { names, options, minutes } = readCommandLine([...benches, CHARTS, SOAK], [...benches, CHARTS]);
  const { processor, cores, memoryGib, system, node } = describeMachine();
  process.stdout.write(`${processor}, ${cores} cores, ${memoryGib} GiB, ${system}, Node ${node}\n`);
  await runNamed(names, options);
  if (names.includes(CHARTS)) {
    for (const file of await drawCharts(FOLDER)) process.stdout.write(`drawn: bench/${file}\n`);
  }
  if (names.includes(SOAK) && !(await runSoak(minutes))) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

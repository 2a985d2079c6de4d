/* Runs the benches that are named, or all: a table of each on stdout, and its figures in bench/results/<name>.json. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fanOut } from './fan-out.js';
import { heavyQuery } from './heavy-query.js';
import { inProcess } from './in-process.js';
import { ingest } from './ingest.js';
import { manyPlans } from './many-plans.js';
import { query } from './query.js';
import { startUp } from './start-up.js';
import type { Bench, BenchOptions } from './support/bench.js';
import { formatTable } from './support/format-table.js';
import { describeMachine, readLoad } from './support/machine.js';

const BENCHES: Readonly<Record<string, Bench>> = {
  'start-up': startUp,
  ingest,
  query,
  'heavy-query': heavyQuery,
  'many-plans': manyPlans,
  'fan-out': fanOut,
  'in-process': inProcess,
};

const HELP = `npm run bench -- [${Object.keys(BENCHES).join('|')} …] [--quick] [--probe-seconds N] [--clients N,…]
  --quick            short measurements, for a look at whether everything runs; their figures say little
  --probe-seconds N  how long the host probe runs before memory is read for the second time [60]
  --clients N,…      how many clients a fan-out has, one measurement for each [1000,5000,10000]
`;

const WHOLE: BenchOptions = {
  windowSeconds: 4,
  probeSeconds: 60,
  starts: 3,
  rounds: 3,
  operations: 5_000,
  clients: [1_000, 5_000, 10_000],
};
const QUICK: BenchOptions = {
  windowSeconds: 1,
  probeSeconds: 3,
  starts: 1,
  rounds: 1,
  operations: 200,
  clients: [200],
};

interface CommandLine {
  readonly names: readonly string[];
  readonly options: BenchOptions;
}

function readCommandLine(): CommandLine {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      'probe-seconds': { type: 'string' },
      clients: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) throw new Error(HELP);
  const unknown = positionals.find((name) => !Object.hasOwn(BENCHES, name));
  if (unknown !== undefined) {
    throw new Error(`expected one of ${Object.keys(BENCHES).join(', ')}, got ${unknown}\n${HELP}`);
  }
  const options = values.quick ? QUICK : WHOLE;
  const probeSeconds = Number(values['probe-seconds'] ?? options.probeSeconds);
  if (!(probeSeconds >= 0)) throw new Error(`--probe-seconds: expected a number of seconds\n${HELP}`);
  const clients = values.clients?.split(',').map(Number) ?? options.clients;
  if (!clients.every((count) => Number.isSafeInteger(count) && count > 0)) {
    throw new Error(`--clients: expected whole numbers, comma-separated\n${HELP}`);
  }
  return {
    names: positionals.length > 0 ? positionals : Object.keys(BENCHES),
    options: { ...options, probeSeconds, clients },
  };
}

async function runBench(name: string, bench: Bench, options: BenchOptions): Promise<void> {
  const loadBefore = readLoad();
  const begunAt = new Date();
  process.stdout.write(`\n# ${name}: ${bench.question}\n  load before: ${loadBefore.join(' ')}\n\n`);
  const tables = await bench.run(options);
  for (const table of tables) process.stdout.write(`${formatTable(table)}\n\n`);
  const seconds = Math.round((Date.now() - begunAt.getTime()) / 1_000);
  process.stdout.write(`  load after: ${readLoad().join(' ')}; took ${seconds} s\n`);
  const folder = fileURLToPath(new URL('results', import.meta.url));
  await mkdir(folder, { recursive: true });
  const result = {
    ...{ bench: name, question: bench.question, begunAt, seconds, options, machine: describeMachine() },
    ...{ loadBefore, loadAfter: readLoad(), tables },
  };
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

async function main(): Promise<void> {
  const { names, options } = readCommandLine();
  const { processor, cores, memoryGib, system, node } = describeMachine();
  process.stdout.write(`${processor}, ${cores} cores, ${memoryGib} GiB, ${system}, Node ${node}\n`);
  for (const name of names) {
    const bench = BENCHES[name];
    if (bench) await runBench(name, bench, options);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

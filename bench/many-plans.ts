import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'graphql';
import { Pool } from 'undici';
import { composeSupergraph } from '../gateway/supergraph/compose.js';
import type { WideSubgraphTasks } from './processes/wide-subgraphs.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { AEGIS, findPeers, type Contender, type RunningGateway } from './support/gateways.js';
import { percentilesOf } from './support/percentiles.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { forkTasks } from './support/tasks.js';
import { withTemporaryFolder } from './support/temporary-folder.js';
import { createAlikeOperations, createDistinctOperations } from './wide/wide-operations.js';
import { describeWideSubgraphs, WIDTH } from './wide/wide-graph.js';

const AT_A_TIME = 4;
const SEED = 1;
/** Asked before the first measurement, of another seed, so that what is measured has been compiled. */
const WARM_UP_OPERATIONS = 100;
const WARM_UP_SEED = 2;
/** When a gateway has not executed them all by then, it is measured by those that it has; ours must. */
const TIME_LIMIT_MS = { ours: 75_000, peers: 20_000 };
const REQUEST = { method: 'POST', headers: { 'content-type': 'application/json' } } as const;

interface Executed {
  readonly latencies: readonly number[];
  readonly seconds: number;
  /** Answers that are no 200, or that have errors in them. */
  readonly failures: number;
}

/** Executes operations, each once, in their order and a few at a time. */
async function executeAll(url: string, operations: readonly string[], limitMs: number): Promise<Executed> {
  const { origin, pathname: path } = new URL(url);
  const pool = new Pool(origin, { connections: AT_A_TIME, pipelining: 1 });
  const latencies: number[] = [];
  const startedAt = performance.now();
  let failures = 0;
  let next = 0;

  async function work(): Promise<void> {
    while (next < operations.length && performance.now() - startedAt < limitMs) {
      const body = JSON.stringify({ query: operations[(next += 1) - 1] });
      const begunAt = performance.now();
      const response = await pool.request({ ...REQUEST, path, body });
      const text = await response.body.text();
      latencies.push(performance.now() - begunAt);
      if (response.statusCode !== 200 || text.includes('"errors"')) failures += 1;
    }
  }

  try {
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return { latencies, failures, seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    await pool.close();
  }
}

/** How many plans Aegis has made; undefined for gateways that do not tell. */
async function countPlans({ url }: RunningGateway): Promise<number | undefined> {
  const response = await fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(5_000) });
  const text = await response.text();
  const count = /^aegis_gateway_plan_lookups_total\{outcome="miss"\} (?<count>\d+)$/m.exec(text);
  return count?.groups ? Number(count.groups['count']) : undefined;
}

async function measure(
  gateway: RunningGateway,
  { subject, limitMs }: { readonly subject: string; readonly limitMs: number },
  operations: readonly string[],
): Promise<Row> {
  const plansBefore = await countPlans(gateway);
  await gateway.readLoop();
  const stopCpu = measureCpu(gateway.pid);
  const { latencies, seconds, failures } = await executeAll(gateway.url, operations, limitMs);
  const cpuMs = stopCpu();
  const loop = await gateway.readLoop();
  const plansAfter = await countPlans(gateway);
  const { p50, p99 } = percentilesOf(latencies);
  return {
    subject,
    figures: {
      operations: latencies.length,
      failed: failures,
      'operations/s': latencies.length / seconds,
      'p50 ms': p50,
      'p99 ms': p99,
      'longest block ms': loop.longestMs,
      'without waits ms': loop.longestOwnMs,
      'of these > 10 ms': loop.longerThan10,
      'without collections ms': loop.longestWorkMs,
      'longest collection ms': loop.longestCollectionMs,
      'CPU ms/operation': cpuMs === undefined ? undefined : cpuMs / latencies.length,
      plans: plansBefore === undefined || plansAfter === undefined ? undefined : plansAfter - plansBefore,
      'resident MiB': readResidentMib(gateway.pid),
    },
  };
}

interface Operations {
  readonly warmUp: readonly string[];
  readonly distinct: readonly string[];
  readonly alike: readonly string[];
}

async function measureContender(
  contender: Contender,
  supergraph: string,
  { warmUp, distinct, alike }: Operations,
): Promise<{ readonly distinct: Row; readonly alike: Row }> {
  const gateway = await contender.start(supergraph, { monitored: true });
  try {
    const limitMs = contender === AEGIS ? TIME_LIMIT_MS.ours : TIME_LIMIT_MS.peers;
    const named = { subject: contender.name, limitMs };
    await executeAll(gateway.url, warmUp, limitMs);
    return {
      distinct: await measure(gateway, named, distinct),
      alike: await measure(gateway, { ...named, limitMs: limitMs / 2 }, alike),
    };
  } finally {
    await gateway.close();
  }
}

async function run({ operations: count }: BenchOptions): Promise<readonly Table[]> {
  const subgraphs = forkTasks<WideSubgraphTasks>('wide-subgraphs.ts');
  try {
    return await withTemporaryFolder(async (folder) => {
      const upstream = await subgraphs.call('serve', null);
      const supergraph = join(folder, 'supergraph.graphql');
      const contracts = [...describeWideSubgraphs()].map(([name, sdl]) => ({
        name,
        typeDefs: parse(sdl),
        url: `${upstream}/${name}`,
      }));
      await writeFile(supergraph, composeSupergraph(contracts));
      const operations = {
        warmUp: createDistinctOperations(WARM_UP_OPERATIONS, WARM_UP_SEED),
        distinct: createDistinctOperations(count, SEED),
        alike: createAlikeOperations(count),
      };
      return await compare(supergraph, operations);
    });
  } finally {
    await subgraphs.stop();
  }
}

async function compare(supergraph: string, operations: Operations): Promise<readonly Table[]> {
  const distinct: Row[] = [];
  const alike: Row[] = [];
  const failed: string[] = [];
  for (const contender of [AEGIS, ...findPeers()]) {
    try {
      const rows = await measureContender(contender, supergraph, operations);
      distinct.push(rows.distinct);
      alike.push(rows.alike);
    } catch (error) {
      if (contender === AEGIS) throw error;
      failed.push(error instanceof Error ? error.message : String(error));
    }
  }
  const notes = [...failed, ...NOTES];
  return [
    {
      title: `The first execution of ${operations.distinct.length} distinct operations over ${WIDTH} subgraphs, ${AT_A_TIME} at a time`,
      rows: distinct,
      notes,
    },
    {
      title: `The same of ${operations.alike.length} operations that differ in their literals and aliases alone`,
      rows: alike,
      notes,
    },
  ];
}

const NOTES = [
  'A block is the time between two turns of the main thread’s event loop, at most 2 ms too long. “Without waits” leaves out what',
  'the thread waited for a processor, “without collections” what the garbage collector took as well.',
  `Peers have ${TIME_LIMIT_MS.peers / 1_000} s, and half of that for the second table, and are measured by what they have executed until then.`,
  'Plans: lookups of Aegis that found none, those that wait for one that is being made included.',
];

export const manyPlans: Bench = {
  question:
    'What do operations cost that nobody has sent before, and how long do others wait for their plans?',
  run,
};

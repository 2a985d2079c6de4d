import type { InProcessGatewayTasks, Outcome, Way } from './processes/in-process-gateway.js';
import { SHOP_QUERY } from './shop/shop-query.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { medianRow } from './support/median-rows.js';
import { readResidentMib } from './support/process-usage.js';
import { forkTasks, type TaskProcess } from './support/tasks.js';

const AT_A_TIME = [1, 20];
const WAYS: Readonly<Record<Way, string>> = {
  'in process': 'Aegis, subgraphs called in the process',
  HTTP: 'Aegis, the same subgraphs over HTTP, in the process as well',
  none: 'floor: the fetches executed by their subgraphs alone',
};

type Subject = TaskProcess<InProcessGatewayTasks>;

function toFigures({ operations, seconds, cpuMs, p50, p99 }: Outcome, pid: number): Row['figures'] {
  return {
    'CPU ms/operation': cpuMs / operations,
    'operations/s': operations / seconds,
    'p50 ms': p50,
    'p99 ms': p99,
    'resident MiB': readResidentMib(pid),
  };
}

async function run({ windowSeconds, rounds }: BenchOptions): Promise<readonly Table[]> {
  const subjects = new Map<string, Subject>();
  try {
    const lengths = new Set<number>();
    for (const [way, name] of Object.entries(WAYS) as [Way, string][]) {
      const env = { NODE_ENV: 'production' };
      const subject = forkTasks<InProcessGatewayTasks>('in-process-gateway.ts', env);
      subjects.set(name, subject);
      lengths.add(await subject.call('open', { way, query: SHOP_QUERY }));
    }
    if (lengths.size > 1)
      throw new Error(`expected equal answers, got lengths of ${[...lengths].join(' and ')}`);
    const tables: Table[] = [];
    for (const atATime of AT_A_TIME) {
      const load = { windowMs: (windowSeconds * 1_000) / 2, atATime };
      tables.push({
        title: `The shop’s heavy query, gateway and subgraphs in one process, ${atATime} at a time`,
        rows: await measureInTurn(subjects, load, rounds),
        notes: NOTES,
      });
    }
    return tables;
  } finally {
    for (const subject of subjects.values()) await subject.stop();
  }
}

/** The first round is not counted, so that all have been compiled. */
async function measureInTurn(
  subjects: ReadonlyMap<string, Subject>,
  load: { readonly windowMs: number; readonly atATime: number },
  rounds: number,
): Promise<Row[]> {
  const figures = new Map([...subjects.keys()].map((name) => [name, [] as Row['figures'][]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, subject] of subjects) {
      const outcome = await subject.call('load', load);
      if (round > 0) figures.get(name)?.push(toFigures(outcome, subject.pid));
    }
  }
  return [...figures].map(([name, ofRounds]) => medianRow(name, ofRounds));
}

const NOTES = [
  'Processor time is that of the whole process: the gateway’s and the subgraphs’, which execute each fetch with graphql-js',
  'and keep no answers. Of several operations at a time, equal fetches over HTTP are one request, and so are executed once;',
  'calls in the process are not shared: one at a time compares like with like. The gateway is called without its own HTTP server, and gives its answer as text.',
];

export const inProcess: Bench = {
  question: 'What does it save to have subgraphs in the gateway’s process?',
  run,
};

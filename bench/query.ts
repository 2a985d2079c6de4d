import { startOneProcess, type AegisSystem } from '../test/support/aegis-system.js';
import { createGraphClient } from '../test/support/graph-client.js';
import { waitFor } from '../test/support/wait-for.js';
import type { HttpFromMemoryTasks } from './processes/http-from-memory.js';
import type { Bench, BenchOptions, Row } from './support/bench.js';
import { loadHttp } from './support/http-load.js';
import { measureCpu } from './support/process-usage.js';
import { forkTasks } from './support/tasks.js';

const CONNECTIONS = 20;

/** What a newcomer asks first: the host's signals and the nodes they drive, out of two subgraphs. */
const NEWCOMER =
  '{ devices { edges { node { name latest { metric value unit measuredAt } nodes { index metric coherence } } } } }';
/** The same facts as each subgraph has them. */
const DEVICES = '{ devices { edges { node { name latest { metric value unit measuredAt } } } } }';
const CONSCIOUSNESS = '{ nodes { index metric coherence } }';

interface NewcomersAnswer {
  readonly devices: {
    readonly edges: readonly {
      readonly node: {
        readonly name: string;
        readonly latest: readonly unknown[];
        readonly nodes: readonly { readonly coherence: number | null }[];
      };
    }[];
  };
}

interface Subject {
  readonly subject: string;
  readonly url: string;
  /** Of the process that answers. */
  readonly pid: number;
  readonly queries: readonly string[];
}

async function measure(
  { subject, url, pid, queries }: Subject,
  { windowSeconds }: BenchOptions,
): Promise<Row> {
  let stopCpu = measureCpu(pid);
  const outcome = await loadHttp({
    url,
    bodies: queries.map((query) => JSON.stringify({ query })),
    connections: CONNECTIONS,
    windowMs: windowSeconds * 1_000,
    onWindow() {
      stopCpu = measureCpu(pid);
    },
  });
  const cpuMs = stopCpu();
  return {
    subject,
    figures: {
      'operations/s': outcome.operationsPerSecond,
      'p50 ms': outcome.p50,
      'p99 ms': outcome.p99,
      'CPU ms/operation': cpuMs === undefined ? undefined : cpuMs / outcome.operations,
    },
  };
}

/** Waits until the host's thirteen signals are there and drive the nodes, and tells the answer's text. */
async function readAnswer(system: AegisSystem): Promise<string> {
  const graph = createGraphClient(system);
  const data = await waitFor(
    'the host is measured',
    async () => {
      const answer = await graph.query<NewcomersAnswer>(NEWCOMER);
      const host = answer.devices.edges.find(({ node }) => node.name === 'host')?.node;
      return host?.latest.length === 13 && host.nodes.length === 13 && answer;
    },
    { deadlineMs: 20_000, everyMs: 100 },
  );
  return JSON.stringify({ data });
}

async function run(options: BenchOptions) {
  const system = await startOneProcess({ probe: true, env: { AEGIS_SAMPLE_PERIOD_MS: '1000' } });
  const memory = forkTasks<HttpFromMemoryTasks>('http-from-memory.ts');
  try {
    const body = await readAnswer(system);
    const aegis = { url: `${system.url}/graphql`, pid: system.processes[0]?.pid ?? 0 };
    const floor = { url: await memory.call('serve', { body }), pid: memory.pid };
    const subjects: readonly Subject[] = [
      { subject: 'newcomer’s query, two subgraphs joined', ...aegis, queries: [NEWCOMER] },
      { subject: 'the same as two requests at once', ...aegis, queries: [DEVICES, CONSCIOUSNESS] },
      { subject: 'devices alone', ...aegis, queries: [DEVICES] },
      { subject: 'consciousness alone', ...aegis, queries: [CONSCIOUSNESS] },
      { subject: 'floor: the same bytes over node:http', ...floor, queries: [NEWCOMER] },
    ];
    const rows: Row[] = [];
    for (const subject of subjects) rows.push(await measure(subject, options));
    return [
      {
        title: `POST /graphql over ${CONNECTIONS} connections, ${Buffer.byteLength(body)} bytes an answer, the host probe running`,
        rows,
        notes: [
          'Two requests at once take two of the connections: ten operations run at a time, and not twenty.',
        ],
      },
    ];
  } finally {
    await memory.stop();
    await system.close();
  }
}

export const query: Bench = {
  question: 'What does a federated query cost, beside its parts and beside HTTP alone?',
  run,
};

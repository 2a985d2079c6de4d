import { setTimeout as sleep } from 'node:timers/promises';
import { startOneProcess, type AegisSystem } from '../test/support/aegis-system.js';
import { createGraphClient } from '../test/support/graph-client.js';
import { waitFor } from '../test/support/wait-for.js';
import type { DashboardPagesTasks } from './processes/dashboard-pages.js';
import type { Bench, BenchOptions, Row } from './support/bench.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { forkTasks } from './support/tasks.js';

/** Five updates a second. */
const SAMPLE_PERIOD_MS = 200;
const PAGES = [1, 100, 1_000];
const OPEN_DEADLINE_MS = 120_000;
/** How long pages are open before they are measured: the first updates of each are still being compiled. */
const SETTLE_MS = 5_000;
/** The network's window of 64 samples fills before there are numbers. */
const NUMBERS_DEADLINE_MS = 60_000;

interface Prepared {
  readonly system: AegisSystem;
  readonly pid: number;
  readonly deviceIds: readonly string[];
}

/** Starts Aegis with its probes, the generator in all 13 nodes, and waits until there are numbers. */
async function prepare(): Promise<Prepared> {
  const system = await startOneProcess({
    probe: true,
    env: { AEGIS_SAMPLE_PERIOD_MS: String(SAMPLE_PERIOD_MS) },
  });
  try {
    const graph = createGraphClient(system);
    await graph.query('mutation { startGenerator(input: { coupling: 1.5 }) { userErrors { message } } }');
    const deviceIds = await waitFor('both probes are registered', async () => {
      const { devices } = await graph.query<{ devices: { edges: { node: { id: string } }[] } }>(
        '{ devices { edges { node { id } } } }',
      );
      return devices.edges.length >= 2 && devices.edges.map(({ node }) => node.id).sort();
    });
    await waitFor(
      'the network has numbers',
      async () => {
        const { networkState } = await graph.query<{
          networkState: { metrics: { phi: object | null } | null } | null;
        }>('{ networkState { metrics { phi { bits } } } }');
        return networkState?.metrics?.phi != null;
      },
      { deadlineMs: NUMBERS_DEADLINE_MS, everyMs: 500 },
    );
    return { system, pid: system.processes[0]?.pid ?? 0, deviceIds };
  } catch (error) {
    await system.close();
    throw error;
  }
}

async function measure(
  { system, pid, deviceIds }: Prepared,
  count: number,
  { windowSeconds }: BenchOptions,
): Promise<Row> {
  const pages = forkTasks<DashboardPagesTasks>('dashboard-pages.ts');
  try {
    const before = readResidentMib(pid);
    const url = `${system.url.replace('http', 'ws')}/graphql`;
    await pages.call('open', { url, count, deviceIds }, OPEN_DEADLINE_MS);
    await sleep(SETTLE_MS);
    await pages.call('look', null);
    const stopCpu = measureCpu(pid);
    const begunAt = performance.now();
    await sleep(windowSeconds * 1_000);
    const seen = await pages.call('look', null);
    const seconds = (performance.now() - begunAt) / 1_000;
    const cpuMs = stopCpu();
    const after = readResidentMib(pid);
    return {
      subject: count === 1 ? 'one page' : `${count} pages`,
      figures: {
        'updates/s and page': seen.updates / seconds / count,
        'p50 ms': seen.p50,
        'p99 ms': seen.p99,
        'deliveries/s': seen.deliveries / seconds,
        'MB/s': seen.bytes / seconds / 1e6,
        'CPU µs/delivery': cpuMs === undefined ? undefined : (cpuMs * 1_000) / seen.deliveries,
        'CPU %': cpuMs === undefined ? undefined : cpuMs / seconds / 10,
        'kB/page':
          before === undefined || after === undefined ? undefined : ((after - before) * 1_048.576) / count,
      },
    };
  } finally {
    await pages.stop();
  }
}

export const dashboards: Bench = {
  question: 'How many open dashboards does one process serve, and how old is an update when it arrives?',
  async run(options) {
    const prepared = await prepare();
    try {
      const rows: Row[] = [];
      for (const count of PAGES) rows.push(await measure(prepared, count, options));
      return [
        {
          title: 'Open dashboards at five updates a second, 13 nodes of the generator, both probes',
          rows,
          notes: [
            'Each page has the seven subscriptions that the dashboard has with two devices. An update’s age is taken from the instant of its',
            'sample to its arrival, and so holds the measurement of Φ, R, S, D and C, its commit, the gateway and the socket.',
            '`fan-out` compares what a delivery costs with a bare broadcast of the same bytes.',
          ],
        },
      ];
    } finally {
      await prepared.system.close();
    }
  },
};

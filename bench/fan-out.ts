import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'graphql';
import { composeSupergraph } from '../gateway/supergraph/compose.js';
import { waitFor } from '../test/support/wait-for.js';
import type { BroadcastTasks } from './processes/broadcast.js';
import type { FanOutClientTasks } from './processes/fan-out-clients.js';
import type { TickingSubgraphTasks } from './processes/ticking-subgraphs.js';
import { PRODUCTS_SDL, TICK_SUBSCRIPTION, TICKS_SDL } from './shop/ticks.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { AEGIS } from './support/gateways.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { forkTasks, type TaskProcess } from './support/tasks.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

/** What the floor asks of the subgraph itself, which has no more of a product. */
const FLOOR_SUBSCRIPTION = 'subscription { tick { number sentAt product { upc } } }';
/** Sent before the measurement, so that what is measured has been compiled. */
const WARM_UP_EVENTS = 30;

type Ticking = TaskProcess<TickingSubgraphTasks>;

interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

interface Conditions {
  readonly subgraphs: Ticking;
  readonly clients: number;
  readonly options: BenchOptions;
}

async function measure(subject: Subject, { subgraphs, clients, options }: Conditions): Promise<Row> {
  const crowd = forkTasks<FanOutClientTasks>('fan-out-clients.ts');
  try {
    const before = readResidentMib(subject.pid);
    await crowd.call('open', { url: subject.url, count: clients, query: TICK_SUBSCRIPTION }, 120_000);
    await waitFor('it is subscribed', async () => (await subgraphs.call('count', null)).subscriptions >= 1);
    const connected = readResidentMib(subject.pid);
    const tick = async (): Promise<void> => {
      await subgraphs.call('tick', null);
      await crowd.call('untilDelivered', clients);
    };
    for (let event = 0; event < WARM_UP_EVENTS; event += 1) {
      await tick();
      await crowd.call('look', null);
    }
    const counted = await subgraphs.call('count', null);
    const stopCpu = measureCpu(subject.pid);
    const begunAt = performance.now();
    const p50s: number[] = [];
    let p99 = 0;
    let deliveries = 0;
    while (performance.now() - begunAt < options.windowSeconds * 1_000) {
      await tick();
      const seen = await crowd.call('look', null);
      p50s.push(seen.p50);
      p99 = Math.max(p99, seen.p99);
      deliveries += seen.deliveries;
    }
    const seconds = (performance.now() - begunAt) / 1_000;
    const cpuMs = stopCpu();
    const after = await subgraphs.call('count', null);
    const events = p50s.length;
    return {
      subject: subject.name,
      figures: {
        'events/s': events / seconds,
        'deliveries/s': deliveries / seconds,
        'CPU µs/delivery': cpuMs === undefined ? undefined : (cpuMs * 1_000) / deliveries,
        'p50 ms': p50s.sort((a, b) => a - b)[Math.floor(events / 2)],
        'worst p99 ms': p99,
        'kB/client':
          before === undefined || connected === undefined
            ? undefined
            : ((connected - before) * 1_048.576) / clients,
        'requests/event': (after.requests - counted.requests) / events,
        'upstream sockets': after.sockets,
      },
    };
  } finally {
    await crowd.stop();
  }
}

async function measureAegis(supergraph: string, conditions: Conditions): Promise<Row> {
  const gateway = await AEGIS.start(supergraph);
  try {
    const url = gateway.url.replace('http', 'ws');
    return await measure({ name: `Aegis, ${conditions.clients} clients`, url, pid: gateway.pid }, conditions);
  } finally {
    await gateway.close();
  }
}

async function measureFloor(upstream: string, conditions: Conditions): Promise<Row> {
  const floor = forkTasks<BroadcastTasks>('broadcast.ts');
  try {
    const url = await floor.call('serve', { upstream, query: FLOOR_SUBSCRIPTION });
    return await measure(
      { name: `floor: ws alone, ${conditions.clients} clients`, url, pid: floor.pid },
      conditions,
    );
  } finally {
    await floor.stop();
  }
}

async function run(options: BenchOptions): Promise<readonly Table[]> {
  const subgraphs = forkTasks<TickingSubgraphTasks>('ticking-subgraphs.ts');
  try {
    return await withTemporaryFolder(async (folder) => {
      const urls = await subgraphs.call('serve', null);
      const supergraph = join(folder, 'supergraph.graphql');
      const contracts = [
        { name: 'ticks', typeDefs: parse(TICKS_SDL), url: urls.ticks },
        { name: 'products', typeDefs: parse(PRODUCTS_SDL), url: urls.products },
      ];
      await writeFile(supergraph, composeSupergraph(contracts));
      const rows: Row[] = [];
      for (const clients of options.clients) {
        const conditions = { subgraphs, clients, options };
        rows.push(await measureAegis(supergraph, conditions));
        rows.push(await measureFloor(urls.ticks.replace('http', 'ws'), conditions));
      }
      return [
        { title: 'One subscription with one entity hop, the same for all clients', rows, notes: NOTES },
      ];
    });
  } finally {
    await subgraphs.stop();
  }
}

const NOTES = [
  'The next event is sent when all clients have the one before: events/s is what one at a time allows, on cores that the',
  'clients share. kB/client is resident memory, without what the system keeps for a socket. The limit of open files is left',
  'as it is: each socket takes one in the gateway and one in the clients’ process.',
];

export const fanOut: Bench = {
  question: 'What does a subscription cost for each of many clients?',
  run,
};

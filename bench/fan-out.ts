import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'graphql';
import { composeSupergraph } from '../gateway/supergraph/compose.js';
import { waitFor } from '../test/support/wait-for.js';
import type { BroadcastTasks } from './processes/broadcast.js';
import type { FanOutClientTasks } from './processes/fan-out-clients.js';
import type { TickingSubgraphTasks } from './processes/ticking-subgraphs.js';
import {
  FILLED_SUBSCRIPTION,
  FILLING_BYTES,
  PRODUCTS_SDL,
  TICK_SUBSCRIPTION,
  TICKS_SDL,
} from './shop/ticks.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { AEGIS, findLivePeers, type Contender } from './support/gateways.js';
import { medianOf } from './support/percentiles.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { forkTasks, type TaskProcess } from './support/tasks.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

/** What the floor asks of the subgraph itself, which has no more of a product. */
const FLOOR_SUBSCRIPTION = 'subscription { tick { number sentAt product { upc } } }';
/** Sent before the measurement, so that what is measured has been compiled; fewer when they take too long. */
const WARM_UP_EVENTS = 30;
const WARM_UP_MS = 5_000;
const FIRST_CLIENTS = 50;
/** How long a gateway has to notice that clients have left. */
const SETTLE_MS = 1_000;
/** A gateway that has not connected its clients, or delivered an event, by then is told as not having done it. */
const OPEN_DEADLINE_MS = 60_000;
const EVENT_DEADLINE_MS = 20_000;
/** Peers are not asked for more clients than this: one event takes them a second by then. */
const MOST_PEER_CLIENTS = 5_000;
const SLOW_SHARE = 0.05;
const SLOW_CLIENTS = 500;
/** What the system keeps for a socket is full only after some megabytes. */
const SLOW_WINDOWS = 2;
const CPU = 'CPU µs/delivery';

type Ticking = TaskProcess<TickingSubgraphTasks>;
type Crowd = TaskProcess<FanOutClientTasks>;

/** What sends events to clients. */
interface Sender {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

interface Conditions {
  readonly subgraphs: Ticking;
  readonly clients: number;
  readonly windowMs: number;
  readonly query: string;
  /** How many of the clients read nothing while it is measured. */
  readonly slow: number;
}

async function measure({ url, pid }: Sender, conditions: Conditions): Promise<Row['figures']> {
  const { subgraphs, clients, query, slow } = conditions;
  const crowd = forkTasks<FanOutClientTasks>('fan-out-clients.ts');
  try {
    await meetSome(url, conditions);
    const before = readResidentMib(pid);
    await crowd.call('open', { url, count: clients, query }, OPEN_DEADLINE_MS);
    await untilSubscribed(subgraphs);
    const connected = readResidentMib(pid);
    const kbPerClient =
      before === undefined || connected === undefined
        ? undefined
        : ((connected - before) * 1_048.576) / clients;
    await warmUp(crowd, conditions);
    if (slow > 0) await crowd.call('pause', slow);
    const figures = await measureEvents(pid, crowd, conditions);
    const closed = slow > 0 ? await crowd.call('resume', null) : 0;
    return {
      ...figures,
      'kB/client': kbPerClient,
      'upstream sockets': (await subgraphs.call('count', null)).sockets,
      ...(slow > 0 ? { 'slow ones closed': closed } : {}),
    };
  } finally {
    await crowd.stop();
  }
}

/** A few clients come and go first, so that what is loaded and compiled for the first of them counts for none of the others. */
async function meetSome(url: string, { subgraphs, query }: Conditions): Promise<void> {
  const some = forkTasks<FanOutClientTasks>('fan-out-clients.ts');
  try {
    await some.call('open', { url, count: FIRST_CLIENTS, query }, OPEN_DEADLINE_MS);
    await untilSubscribed(subgraphs);
    for (let event = 0; event < WARM_UP_EVENTS; event += 1) {
      await tick(some, subgraphs, FIRST_CLIENTS);
      await some.call('look', null);
    }
  } finally {
    await some.stop();
  }
  await sleep(SETTLE_MS);
}

/** Sends an event when all clients have the one before it, for as long as the window lasts. */
async function measureEvents(
  pid: number,
  crowd: Crowd,
  { subgraphs, clients, slow, windowMs }: Conditions,
): Promise<Row['figures']> {
  const counted = await subgraphs.call('count', null);
  const stopCpu = measureCpu(pid);
  const begunAt = performance.now();
  const p50s: number[] = [];
  const p99s: number[] = [];
  let deliveries = 0;
  while (performance.now() - begunAt < windowMs) {
    await tick(crowd, subgraphs, clients - slow);
    const seen = await crowd.call('look', null);
    p50s.push(seen.p50);
    p99s.push(seen.p99);
    deliveries += seen.deliveries;
  }
  const seconds = (performance.now() - begunAt) / 1_000;
  const cpuMs = stopCpu();
  const after = await subgraphs.call('count', null);
  return {
    'events/s': p50s.length / seconds,
    'deliveries/s': deliveries / seconds,
    [CPU]: cpuMs === undefined ? undefined : (cpuMs * 1_000) / deliveries,
    'p50 ms': medianOf(p50s),
    'p99 ms': medianOf(p99s),
    'worst p99 ms': Math.max(...p99s),
    'requests/event': (after.requests - counted.requests) / p50s.length,
  };
}

async function tick(crowd: Crowd, subgraphs: Ticking, clients: number): Promise<void> {
  await subgraphs.call('tick', null);
  await crowd.call('untilDelivered', clients, EVENT_DEADLINE_MS);
}

async function warmUp(crowd: Crowd, { subgraphs, clients }: Conditions): Promise<void> {
  const begunAt = performance.now();
  for (let event = 0; event < WARM_UP_EVENTS && performance.now() - begunAt < WARM_UP_MS; event += 1) {
    await tick(crowd, subgraphs, clients);
    await crowd.call('look', null);
  }
}

/** Some share one subscription at the subgraph and some do not: no more of them come within a while. */
async function untilSubscribed(subgraphs: Ticking): Promise<void> {
  const count = async () => (await subgraphs.call('count', null)).subscriptions;
  await waitFor('it is subscribed', async () => (await count()) >= 1);
  for (let seen = 0; seen !== (await count());) {
    seen = await count();
    await sleep(500);
  }
}

async function untilNobodySubscribes(subgraphs: Ticking): Promise<void> {
  const isOver = async () => (await subgraphs.call('count', null)).subscriptions === 0;
  await waitFor('nobody is subscribed', isOver, { deadlineMs: 30_000, everyMs: 100 }).catch(() => undefined);
}

async function openFloor(upstream: string): Promise<Sender> {
  const floor = forkTasks<BroadcastTasks>('broadcast.ts');
  const url = await floor.call('serve', { upstream, query: FLOOR_SUBSCRIPTION });
  return { url, pid: floor.pid, close: () => floor.stop() };
}

async function openGateway(contender: Contender, supergraph: string): Promise<Sender> {
  const { url, pid, close } = await contender.start(supergraph);
  return { url: url.replace('http', 'ws'), pid, close };
}

/** A sender of its own for each row. A peer that does not manage it has its row and no figures, and a note. */
async function toRow(
  subject: string,
  open: () => Promise<Sender>,
  { conditions, notes }: { readonly conditions: Conditions; readonly notes: string[] },
): Promise<Row> {
  const sender = await open();
  try {
    return { subject, figures: await measure(sender, conditions) };
  } catch (error) {
    notes.push(
      `${subject}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`,
    );
    return { subject, figures: {} };
  } finally {
    await sender.close();
    await untilNobodySubscribes(conditions.subgraphs);
  }
}

interface Setting {
  readonly subgraphs: Ticking;
  readonly supergraph: string;
  readonly upstream: string;
  readonly windowMs: number;
}

async function compareByClients(clients: number, setting: Setting, notes: string[]): Promise<Row[]> {
  const { supergraph, upstream, subgraphs, windowMs } = setting;
  const conditions: Conditions = { subgraphs, clients, windowMs, query: TICK_SUBSCRIPTION, slow: 0 };
  const peers = clients <= MOST_PEER_CLIENTS ? findLivePeers() : [];
  const rows: Row[] = [];
  for (const contender of [AEGIS, ...peers]) {
    const open = () => openGateway(contender, supergraph);
    rows.push(await toRow(`${contender.name}, ${clients} clients`, open, { conditions, notes }));
  }
  const floorName = `floor: ws alone, ${clients} clients`;
  rows.push(await toRow(floorName, () => openFloor(upstream), { conditions, notes }));
  const floor = rows.at(-1)?.figures[CPU];
  return rows.map(({ subject, figures }) => {
    const cpu = figures[CPU];
    const ratio = cpu === undefined || floor === undefined ? undefined : cpu / floor;
    return { subject, figures: { ...figures, '× floor': ratio } };
  });
}

async function compareSlowReaders(clients: number, setting: Setting): Promise<Table> {
  const { supergraph, subgraphs, windowMs } = setting;
  const notes: string[] = [];
  const rows: Row[] = [];
  for (const slow of [0, Math.round(clients * SLOW_SHARE)]) {
    const conditions: Conditions = {
      ...{ subgraphs, clients, slow, query: FILLED_SUBSCRIPTION },
      windowMs: windowMs * SLOW_WINDOWS,
    };
    const subject = slow === 0 ? 'Aegis, all read' : `Aegis, ${slow} do not`;
    rows.push(await toRow(subject, () => openGateway(AEGIS, supergraph), { conditions, notes }));
  }
  return {
    title: `Slow readers: events of ${FILLING_BYTES / 1_024} KiB for ${clients} clients; the figures are those of the others`,
    rows,
    notes: [...notes, ...SLOW_NOTES],
  };
}

async function run({ clients: counts, windowSeconds }: BenchOptions): Promise<readonly Table[]> {
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
      const upstream = urls.ticks.replace('http', 'ws');
      const setting = { subgraphs, supergraph, upstream, windowMs: windowSeconds * 1_000 };
      const rows: Row[] = [];
      const notes: string[] = [];
      for (const clients of counts) rows.push(...(await compareByClients(clients, setting, notes)));
      return [
        {
          title: 'One subscription with one entity hop, the same for all clients',
          rows,
          notes: [...notes, ...NOTES],
        },
        await compareSlowReaders(Math.min(SLOW_CLIENTS, Math.max(...counts)), setting),
      ];
    });
  } finally {
    await subgraphs.stop();
  }
}

const NOTES = [
  'The next event is sent when all clients have the one before: events/s is what one at a time allows, on cores that the',
  'clients share. p50 and p99 are those of an event, in the middle and at worst. kB/client is resident memory, without what',
  'the system keeps for a socket. The limit of open files is left as it is: each socket takes one in the gateway and one in',
  'the clients’ process.',
];

const SLOW_NOTES = [
  'Those that do not read stop before the first event that is measured and read again after the last one; “closed” is how',
  'many of them Aegis had disconnected by then (AEGIS_SLOW_CLIENT_POLICY=disconnect, beyond AEGIS_MAX_UNSENT_BYTES).',
];

export const fanOut: Bench = {
  question: 'What does a subscription cost for each of many clients?',
  run,
};

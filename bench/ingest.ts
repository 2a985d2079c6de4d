import { setTimeout as sleep } from 'node:timers/promises';
import { startOneProcess, type AegisSystem } from '../test/support/aegis-system.js';
import { findProgram } from '../test/support/find-program.js';
import { createGraphClient } from '../test/support/graph-client.js';
import { measureFleetMemory } from './ingest-memory.js';
import { startPostgresServer } from '../test/support/postgres-server.js';
import { waitFor } from '../test/support/wait-for.js';
import type { BareInsertTasks } from './processes/bare-inserts.js';
import type { BrokerAloneTasks } from './processes/broker-alone.js';
import type { ReadingSubscriberTasks } from './processes/reading-subscriber.js';
import type { LoadOutcome, TelemetryLoadTasks } from './processes/telemetry-load.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { measureCpu } from './support/process-usage.js';
import { forkTasks, type TaskProcess } from './support/tasks.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

/** One way to load a system. */
interface Load {
  readonly subject: string;
  readonly valuesPerMessage: number;
  /** Whether somebody subscribes to every reading. */
  readonly subscriber: boolean;
}

const DEVICES = 8;
const METRICS = 10;
/** Messages in flight on each of the connections, one for each device. */
const IN_FLIGHT = 250;
const SUBSCRIBED_MS = 500;
const DELIVERY_DEADLINE_MS = 60_000;

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message } }
}`;

const LOADS: readonly Load[] = [
  { subject: '1 value a message, a subscriber to all', valuesPerMessage: 1, subscriber: true },
  { subject: '10 values a message, a subscriber to all', valuesPerMessage: 10, subscriber: true },
  { subject: '1 value a message, no subscriber', valuesPerMessage: 1, subscriber: false },
  { subject: '10 values a message, no subscriber', valuesPerMessage: 10, subscriber: false },
];

/** A load at a rate that is given. */
interface SteadyLoad {
  readonly readingsPerSecond: number;
  readonly valuesPerMessage: number;
}

const EMBEDDED_RATE = 20_000;
const SERVER_RATE = 30_000;

/** The rate that is asked for, with many values a message and with one, and half of it. */
function steadyLoads(readingsPerSecond: number): SteadyLoad[] {
  return [
    { readingsPerSecond, valuesPerMessage: 10 },
    { readingsPerSecond, valuesPerMessage: 1 },
    { readingsPerSecond: readingsPerSecond / 2, valuesPerMessage: 1 },
  ];
}

/** What Aegis tells at /metrics of what it has committed. */
interface Commits {
  readonly readings: number;
  readonly commits: number;
}

/** A system under load, and what loads it. */
interface Rig {
  readonly system: AegisSystem;
  readonly load: TaskProcess<TelemetryLoadTasks>;
  readonly options: BenchOptions;
}

async function readCommits(url: string): Promise<Commits> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (name: string) =>
    Number(new RegExp(`^${name} (?<value>\\S+)$`, 'm').exec(text)?.groups?.['value']);
  return {
    readings: read('aegis_devices_readings_committed_total'),
    commits: read('aegis_devices_commit_readings_count'),
  };
}

async function registerDevices(system: AegisSystem): Promise<void> {
  const graph = createGraphClient(system);
  const metrics = Array.from({ length: METRICS }, (_, metric) => ({ name: `m${metric}`, unit: '1' }));
  for (const name of deviceNames()) await graph.query(REGISTER, { input: { name, metrics } });
}

function deviceNames(): string[] {
  return Array.from({ length: DEVICES }, (_, device) => `sensor-${device}`);
}

function targetOf({ mqttUrl }: Pick<AegisSystem, 'mqttUrl'>) {
  const topics = deviceNames().map((name) => `aegis/default/${name}/telemetry`);
  return { port: Number(new URL(mqttUrl).port), topics };
}

/** One load on a system: at its peak, and then at half of that. */
async function measureLoad(rig: Rig, { subject, valuesPerMessage, subscriber }: Load): Promise<Measured> {
  const { system, load, options } = rig;
  const target = { ...targetOf(system), valuesPerMessage };
  const windowMs = options.windowSeconds * 1_000;
  const before = await readCommits(system.url);
  const reader = subscriber ? await openSubscriber(system) : undefined;
  try {
    const stopCpu = measureCpu(system.processes[0]?.pid ?? 0);
    const peak = await load.call('saturate', {
      ...target,
      inFlight: IN_FLIGHT,
      warmUpMs: windowMs / 3,
      windowMs,
    });
    const readings = peak.acknowledged * valuesPerMessage;
    const delivered = await reader?.waitFor(readings);
    const cpuMs = stopCpu();
    const after = await readCommits(system.url);
    checkCommitted(after.readings - before.readings, readings);
    const half = await load.call('pace', {
      ...target,
      windowMs,
      messagesPerSecond: peak.messagesPerSecond / 2,
    });
    const readingsPerCommit = readings / (after.commits - before.commits);
    return {
      readingsPerCommit,
      row: {
        subject,
        figures: {
          ...peakFigures(peak, valuesPerMessage),
          'delivered/s': delivered,
          'half rate p50 ms': half.p50,
          'half rate p99 ms': half.p99,
          'readings/commit': readingsPerCommit,
          'CPU µs/reading': cpuMs === undefined ? undefined : (cpuMs * 1_000) / readings,
        },
      },
    };
  } finally {
    await reader?.close();
  }
}

interface Measured {
  readonly row: Row;
  readonly readingsPerCommit: number;
}

function peakFigures({ messagesPerSecond, p50, p99 }: LoadOutcome, valuesPerMessage: number): Row['figures'] {
  return {
    'readings/s': messagesPerSecond * valuesPerMessage,
    'messages/s': messagesPerSecond,
    'peak p50 ms': p50,
    'peak p99 ms': p99,
  };
}

/** A refused message is acknowledged, too: what was acknowledged counts only when it is in the table. */
function checkCommitted(committed: number, acknowledged: number): void {
  if (committed === acknowledged) return;
  throw new Error(`expected as many readings committed as acknowledged, got ${committed} of ${acknowledged}`);
}

/** A steady load with a subscriber to everything: how long readings are under way, to their commit and to the subscriber. */
async function measureSteady(
  { system, load, options }: Rig,
  { readingsPerSecond, valuesPerMessage }: SteadyLoad,
): Promise<Row> {
  const target = { ...targetOf(system), valuesPerMessage, stamped: true };
  const pace = (seconds: number) =>
    load.call('pace', {
      ...{ ...target, windowMs: seconds * 1_000 },
      messagesPerSecond: readingsPerSecond / valuesPerMessage,
    });
  const reader = await openSubscriber(system);
  try {
    const warm = await pace(options.windowSeconds / 3);
    await reader.waitFor(warm.acknowledged * valuesPerMessage);
    await reader.clock();
    const before = await readCommits(system.url);
    const paced = await pace(2 * options.windowSeconds);
    await reader.waitFor((warm.acknowledged + paced.acknowledged) * valuesPerMessage);
    const after = await readCommits(system.url);
    checkCommitted(after.readings - before.readings, paced.acknowledged * valuesPerMessage);
    const { delayP50, delayP99 } = await reader.tell();
    return {
      subject: `${readingsPerSecond.toLocaleString('en')} readings/s, ${valuesPerMessage} a message`,
      figures: {
        'readings/s': paced.messagesPerSecond * valuesPerMessage,
        'PUBACK p50 ms': paced.p50,
        'PUBACK p99 ms': paced.p99,
        'delivered p50 ms': delayP50,
        'delivered p99 ms': delayP99,
      },
    };
  } finally {
    await reader.close();
  }
}

async function openSubscriber({ url }: AegisSystem) {
  const reader = forkTasks<ReadingSubscriberTasks>('reading-subscriber.ts');
  await reader.call('subscribe', { url });
  await waitFor('the subscription has begun', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return /^aegis_gateway_subscriptions [1-9]/m.test(text);
  });
  // No event tells when the stream has found its place behind the newest reading, which takes it two statements.
  await sleep(SUBSCRIBED_MS);
  return {
    /** Waits until so many readings have been delivered; how many that were a second, from the first to the last. */
    async waitFor(readings: number): Promise<number> {
      const { spanMs } = await waitFor(
        `${readings} readings are delivered`,
        async () => {
          const delivered = await reader.call('tell', null);
          return delivered.count >= readings && delivered;
        },
        { deadlineMs: DELIVERY_DEADLINE_MS, everyMs: 50 },
      );
      return (readings / spanMs) * 1_000;
    },
    clock: () => reader.call('clock', null),
    tell: () => reader.call('tell', null),
    close: () => reader.stop(),
  };
}

async function measureSystem(
  { env, steady }: { readonly env: Readonly<Record<string, string>>; readonly steady: readonly SteadyLoad[] },
  options: BenchOptions,
): Promise<{ readonly measured: Measured[]; readonly steadyRows: Row[] }> {
  const system = await startOneProcess({ env: { AEGIS_SAMPLE_PERIOD_MS: '1000', ...env } });
  const load = forkTasks<TelemetryLoadTasks>('telemetry-load.ts');
  try {
    await registerDevices(system);
    const measured: Measured[] = [];
    for (const one of LOADS) {
      measured.push(await measureLoad({ system, load, options }, one));
      await sleep(500);
    }
    const steadyRows: Row[] = [];
    for (const one of steady) steadyRows.push(await measureSteady({ system, load, options }, one));
    return { measured, steadyRows };
  } finally {
    await load.stop();
    await system.close();
  }
}

async function measureBroker({ windowSeconds }: BenchOptions): Promise<Row> {
  const broker = forkTasks<BrokerAloneTasks>('broker-alone.ts');
  const load = forkTasks<TelemetryLoadTasks>('telemetry-load.ts');
  try {
    const port = await broker.call('listen', null);
    const target = { ...targetOf({ mqttUrl: `mqtt://127.0.0.1:${port}` }), valuesPerMessage: 1 };
    const windowMs = windowSeconds * 1_000;
    const stopCpu = measureCpu(broker.pid);
    const peak = await load.call('saturate', {
      ...target,
      inFlight: IN_FLIGHT,
      warmUpMs: windowMs / 3,
      windowMs,
    });
    const cpuMs = stopCpu();
    const half = await load.call('pace', {
      ...target,
      windowMs,
      messagesPerSecond: peak.messagesPerSecond / 2,
    });
    return {
      subject: 'floor: aedes alone, 1 value a message, nothing stored',
      figures: {
        ...peakFigures(peak, 1),
        'half rate p50 ms': half.p50,
        'half rate p99 ms': half.p99,
        'CPU µs/reading': cpuMs === undefined ? undefined : (cpuMs * 1_000) / peak.acknowledged,
      },
    };
  } finally {
    await load.stop();
    await broker.stop();
  }
}

/** Bare inserts of as many rows a statement as Aegis had in its commits. */
async function measureInserts(
  open: (inserts: TaskProcess<BareInsertTasks>) => Promise<unknown>,
  sizes: readonly number[],
  { windowSeconds }: BenchOptions,
): Promise<Row[]> {
  const inserts = forkTasks<BareInsertTasks>('bare-inserts.ts');
  try {
    await open(inserts);
    const rows: Row[] = [];
    for (const rowsPerStatement of sizes) {
      const windowMs = windowSeconds * 500;
      const outcome = await inserts.call('insert', { rowsPerStatement, warmUpMs: windowMs / 2, windowMs });
      rows.push({
        subject: `floor: bare INSERT … unnest, ${rowsPerStatement} rows a statement`,
        figures: {
          'readings/s': outcome.rowsPerSecond,
          'readings/commit': rowsPerStatement,
          'CPU µs/reading': outcome.cpuUsPerRow,
        },
      });
    }
    return rows;
  } finally {
    await inserts.stop();
  }
}

/** The sizes of the commits that were seen, near enough to be told apart. */
function sizesOf(measured: readonly Measured[]): number[] {
  const sizes = measured.map(({ readingsPerCommit }) =>
    Math.max(1, Math.round(readingsPerCommit / 500) * 500),
  );
  return [...new Set(sizes)].sort((a, b) => a - b);
}

async function runEmbedded(options: BenchOptions): Promise<Table[]> {
  const { measured, steadyRows } = await measureSystem(
    { env: {}, steady: steadyLoads(EMBEDDED_RATE) },
    options,
  );
  const floors = await withTemporaryFolder((folder) =>
    measureInserts((inserts) => inserts.call('openEmbedded', { folder }), sizesOf(measured), options),
  );
  const peak = {
    title: `One process on the embedded database, ${DEVICES} connections with ${IN_FLIGHT} messages in flight each`,
    rows: [...measured.map(({ row }) => row), await measureBroker(options), ...floors],
    notes: [
      'CPU: all threads of the process in the first column, broker and database and graph included; not of the clients.',
    ],
  };
  return [peak, toSteadyTable('the embedded database', steadyRows)];
}

function toSteadyTable(database: string, rows: readonly Row[]): Table {
  return {
    title: `At a steady rate on ${database}, with a subscriber to everything`,
    rows,
    notes: [
      'PUBACK: from the publish to the acknowledgement, which comes after the commit. Delivered: from the publish to the subscriber.',
    ],
  };
}

async function runServer(options: BenchOptions): Promise<Table[]> {
  const postgres = await startPostgresServer();
  try {
    const { measured, steadyRows } = await measureSystem(
      { env: { DATABASE_URL: postgres.url }, steady: steadyLoads(SERVER_RATE) },
      options,
    );
    const { url } = postgres;
    const floors = await measureInserts(
      (inserts) => inserts.call('openServer', { url }),
      sizesOf(measured),
      options,
    );
    const peak = {
      title: 'One process on a Postgres server of this machine, the same load',
      rows: [...measured.map(({ row }) => row), ...floors],
      notes: [
        'The server runs without waiting for the disk, as PGlite does; its own processor time is not counted.',
      ],
    };
    return [peak, toSteadyTable('a Postgres server of this machine', steadyRows)];
  } finally {
    await postgres.close();
  }
}

async function run(options: BenchOptions) {
  const embedded = [...(await runEmbedded(options)), await measureFleetMemory(options)];
  if (findProgram('postgres') !== undefined) return [...embedded, ...(await runServer(options))];
  process.stdout.write('  left out: a Postgres server (apt-get install postgresql)\n');
  return embedded;
}

export const ingest: Bench = {
  question: 'How many readings a second does Aegis take over MQTT with QoS 1, and what does each cost?',
  run,
};

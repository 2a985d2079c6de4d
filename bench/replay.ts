import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { startOneProcess, type AegisSystem } from '../test/support/aegis-system.js';
import { createGraphClient, type GraphClient } from '../test/support/graph-client.js';
import { connectDevice } from '../test/support/telemetry-load.js';
import { waitFor } from '../test/support/wait-for.js';
import type { Bench, Row } from './support/bench.js';
import { readRecording, type Recording } from './support/recording.js';

const RECORDING = fileURLToPath(new URL('recordings/host-hour.ndjson.gz', import.meta.url));
/** How much faster than it was measured the hour is sent. */
const SPEED = 60;
/** The hour as several devices: each begins with another third of it. */
const DEVICES = ['host-0', 'host-20', 'host-40'];
const DELIVERY_DEADLINE_MS = 120_000;
/** How long points and alarms may still come after the last reading: fusion waits for late readings. */
const SETTLE_MS = 5_000;

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message } }
}`;
const CREATE_RULE = `mutation ($input: CreateAlarmRuleInput!) {
  createAlarmRule(input: $input) { alarmRule { id } userErrors { message } }
}`;
const CREATE_FUSION = `mutation ($input: CreateStandingFusionInput!) {
  createStandingFusion(input: $input) { standingFusion { id } userErrors { message } }
}`;
const READINGS = 'subscription { deviceReadings { reading { metric value measuredAt device { name } } } }';
const ALARMS = 'subscription { deviceAlarms { change alarm { id device { name } } } }';
const FUSED = 'subscription ($id: ID!) { fusedReadings(id: $id) { point { at value used { deviceId } } } }';
const SERIES = `query ($name: String!, $from: DateTime!) { devices(filter: { name: $name }) { edges { node {
  series(metric: "cpu.user", range: { from: $from }, limit: 10000) { points { value } }
} } } }`;

const RULES = [
  {
    name: 'busy',
    severity: 'MAJOR',
    condition: { threshold: { metric: 'cpu.user', above: 60, deadband: 10 } },
  },
  {
    name: 'leaping',
    severity: 'MINOR',
    condition: { rate: { metric: 'memory.used', windowMs: 500, above: 10, deadband: 2 } },
  },
];

interface ReadingEvent {
  readonly deviceReadings: {
    readonly reading: { readonly metric: string; readonly value: number; readonly measuredAt: string };
  };
}

/** What came to the client. */
interface Heard {
  readings: number;
  raised: number;
  cleared: number;
  fused: number;
  readonly lagMs: number[];
}

/** Has rules and a fusion made, and follows them; the returned functions end it. */
async function watch(graph: GraphClient, heard: Heard): Promise<(() => unknown)[]> {
  for (const input of RULES) await graph.query(CREATE_RULE, { input });
  const { createStandingFusion } = await graph.query<{
    createStandingFusion: { standingFusion: { id: string } | null; userErrors: unknown[] };
  }>(CREATE_FUSION, {
    input: {
      ...{ name: 'cpu', metric: 'cpu.user', selection: { labels: 'replay' }, latenessMs: 1_000 },
      config: { method: 'MEDIAN', alignment: 'ZERO_ORDER_HOLD', stepMs: 100, maxGapMs: 1_000 },
    },
  });
  const id = createStandingFusion.standingFusion?.id;
  if (id === undefined) throw new Error(JSON.stringify(createStandingFusion.userErrors));
  const alarms = graph.subscribe<{ deviceAlarms: { change: string } }>(ALARMS);
  void follow(alarms, ({ deviceAlarms: { change } }) => {
    if (change === 'RAISED') heard.raised += 1;
    if (change === 'CLEARED') heard.cleared += 1;
  });
  const fused = graph.subscribe<{ fusedReadings: { point: { value: number | null } } }>(FUSED, { id });
  void follow(fused, ({ fusedReadings: { point } }) => {
    if (point.value !== null) heard.fused += 1;
  });
  return [() => alarms.return?.(), () => fused.return?.()];
}

async function follow<T>(events: AsyncIterable<T>, take: (event: T) => void): Promise<void> {
  try {
    for await (const event of events) take(event);
  } catch (error) {
    process.stderr.write(`a stream ended: ${String(error)}\n`);
  }
}

/** Sends the hour as each of the devices, every instant at its time; how many readings, all of them acknowledged. */
async function replay(system: AegisSystem, { frames, metrics }: Recording): Promise<number> {
  const client = await connectDevice(system);
  const beganAt = Date.now();
  const sending: Promise<unknown>[] = [];
  let readings = 0;
  for (const [index, { atMs }] of frames.entries()) {
    const dueAt = beganAt + atMs / SPEED;
    if (dueAt > Date.now()) await sleep(dueAt - Date.now());
    for (const [place, device] of DEVICES.entries()) {
      const frame = frames[(index + Math.round((place * frames.length) / DEVICES.length)) % frames.length];
      const values = Object.fromEntries(
        metrics.flatMap(({ name }, column) => {
          const value = frame?.values[column];
          return value == null ? [] : [[name, value]];
        }),
      );
      readings += Object.keys(values).length;
      const payload = JSON.stringify({ ts: Math.round(dueAt), values });
      sending.push(client.publishAsync(`aegis/default/${device}/telemetry`, payload, { qos: 1 }));
    }
  }
  await Promise.all(sending);
  await client.endAsync();
  return readings;
}

async function measure(recording: Recording, { watching }: { readonly watching: boolean }): Promise<Row> {
  const system = await startOneProcess({ env: { AEGIS_COAP_PORT: '0' } });
  const heard: Heard = { readings: 0, raised: 0, cleared: 0, fused: 0, lagMs: [] };
  try {
    const graph = createGraphClient(system);
    const labels = [{ key: 'replay', value: 'host' }];
    for (const name of DEVICES)
      await graph.query(REGISTER, { input: { name, labels, metrics: recording.metrics } });
    const stops = watching ? await watch(graph, heard) : [];
    const stream = graph.subscribe<ReadingEvent>(READINGS);
    void follow(stream, ({ deviceReadings: { reading } }) => {
      heard.readings += 1;
      heard.lagMs.push(Date.now() - Date.parse(reading.measuredAt));
    });
    await sleep(1_000);
    const beganAt = Date.now();
    const sent = await replay(system, recording);
    const seconds = (Date.now() - beganAt) / 1_000;
    await waitFor('every reading came to the client', () => heard.readings >= sent, {
      deadlineMs: DELIVERY_DEADLINE_MS,
      everyMs: 50,
    });
    if (watching) await sleep(SETTLE_MS);
    const stored = await countStored(graph, beganAt - 60_000);
    for (const stop of [...stops, () => stream.return?.()]) await stop();
    heard.lagMs.sort((one, other) => one - other);
    const lag = (part: number) => heard.lagMs[Math.floor(part * (heard.lagMs.length - 1))];
    return {
      subject: watching ? 'readings, alarms and fusion' : 'readings alone',
      figures: {
        ...{ 'replay s': seconds, 'readings sent': sent, 'readings/s': sent / seconds },
        'came to the client': heard.readings,
        'of cpu.user stored': stored,
        'lag p50 ms': lag(0.5),
        'lag p99 ms': lag(0.99),
        'alarms raised': watching ? heard.raised : undefined,
        'alarms cleared': watching ? heard.cleared : undefined,
        'fused points': watching ? heard.fused : undefined,
      },
    };
  } finally {
    await system.close();
  }
}

/** How many values of one metric are there when they are read back, over all devices. */
async function countStored(graph: GraphClient, fromMs: number): Promise<number> {
  let count = 0;
  for (const name of DEVICES) {
    const { devices } = await graph.query<{
      devices: { edges: { node: { series: { points: unknown[] } } }[] };
    }>(SERIES, { name, from: new Date(fromMs).toISOString() });
    count += devices.edges[0]?.node.series.points.length ?? 0;
  }
  return count;
}

export const replayedHour: Bench = {
  question: `An hour of the host probe as ${DEVICES.length} devices, sent in a minute: does all of it come to a client, with alarms and fusion?`,
  async run() {
    const recording = await readRecording(RECORDING);
    const rows = [
      await measure(recording, { watching: true }),
      await measure(recording, { watching: false }),
    ];
    return [
      {
        title: `${recording.seconds} s, recorded at ${recording.recordedAt}, at ${SPEED} times the speed, over MQTT QoS 1 and GraphQL`,
        rows,
        notes: [
          'Lag: from the time that a reading bears, which is when it was due, to its arrival at a client over the gateway.',
          'Alarms by a threshold with hysteresis and by a rate; the fusion is the median of the devices, ten points a second.',
          'Client, sender and Aegis share the machine.',
        ],
      },
    ];
  },
};

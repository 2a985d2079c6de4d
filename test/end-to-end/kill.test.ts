import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  startHttpLoad,
  startMqttLoad,
  startStreamLoad,
  type StartLoad,
} from '../support/acknowledged-load.js';
import { startOneProcess, type AegisSystem } from '../support/aegis-system.js';
import { describeWith } from '../support/describe-with.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { startMosquitto, type Mosquitto } from '../support/mosquitto.js';
import { waitFor } from '../support/wait-for.js';
import { KILL_ROUNDS } from '../support/kill-rounds.js';

const TEST_DEADLINE_MS = 240_000;
const REGISTER =
  'mutation { registerDevice(input: { name: "load", metrics: [{ name: "value", unit: "1" }] }) { device { id } } }';
const SERIES = `query ($id: ID!, $from: DateTime!, $to: DateTime) {
  device(id: $id) { series(metric: "value", range: { from: $from, to: $to }, limit: 10000) { truncated points { measuredAt value } } }
}`;

interface SeriesAnswer {
  readonly device: {
    readonly series: {
      readonly truncated: boolean;
      readonly points: readonly { readonly measuredAt: string; readonly value: number }[];
    };
  };
}

/** All device times that are stored, in milliseconds since 1970, page by page. */
async function readTimes(graph: GraphClient, id: string, firstAt: number): Promise<number[]> {
  const times: number[] = [];
  for (let from = firstAt; ; from = (times.at(-1) ?? from) + 1) {
    const variables = {
      id,
      from: new Date(from).toISOString(),
      to: new Date(firstAt + 3_600_000).toISOString(),
    };
    const { device } = await graph.query<SeriesAnswer>(SERIES, variables);
    times.push(...device.series.points.map(({ measuredAt }) => Date.parse(measuredAt)));
    if (!device.series.truncated) return times;
  }
}

const COUNTS = `query ($id: ID!, $from: DateTime!, $to: DateTime, $stepMs: Float!) {
  device(id: $id) {
    series(metric: "value", range: { from: $from, to: $to }, stepMs: $stepMs, aggregate: COUNT) { resolution points { value } }
  }
}`;

interface CountsAnswer {
  readonly device: {
    readonly series: { readonly resolution: string; readonly points: readonly { readonly value: number }[] };
  };
}

/** How many readings the roll-ups of an hour and of a minute count. */
async function countRolledUp(
  graph: GraphClient,
  id: string,
  firstAt: number,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const stepMs of [3_600_000, 60_000]) {
    const range = { from: new Date(firstAt).toISOString(), to: new Date(firstAt + 3_600_000).toISOString() };
    const { device } = await graph.query<CountsAnswer>(COUNTS, { id, ...range, stepMs });
    const { resolution, points } = device.series;
    counts[resolution] = points.reduce((sum, { value }) => sum + value, 0);
  }
  return counts;
}

interface KillTestOptions {
  readonly start: StartLoad;
  /** Opens the system on what the rounds before have left. */
  readonly open: () => Promise<AegisSystem>;
}

async function registerLoad(graph: GraphClient): Promise<string> {
  const { registerDevice } = await graph.query<{ registerDevice: { device: { id: string } } }>(REGISTER);
  return registerDevice.device.id;
}

/** Kills the process under load, again and again, and tells what was sent and what was acknowledged. */
async function killUnderLoad({
  start,
  open,
}: KillTestOptions): Promise<{ sent: number; acknowledged: number }> {
  const firstAt = Date.now() - 7_200_000;
  const acknowledged = new Set<number>();
  let id = '';
  let sent = 0;
  for (let round = 0; round <= KILL_ROUNDS; round += 1) {
    const system = await open();
    const graph = createGraphClient(system);
    if (round === 0) id = await registerLoad(graph);
    const stored = await waitFor(
      'everything that was acknowledged is stored',
      async () => {
        const times = await readTimes(graph, id, firstAt);
        const known = new Set(times);
        return [...acknowledged].every((at) => known.has(at)) ? times : undefined;
      },
      { everyMs: 250, deadlineMs: 20_000 },
    );
    expect(new Set(stored).size).toBe(stored.length);
    // A broker may still deliver what it kept.
    await waitFor('the roll-ups count what is stored', async () => {
      const { length } = await readTimes(graph, id, firstAt);
      const { HOUR, MINUTE } = await countRolledUp(graph, id, firstAt);
      return HOUR === length && MINUTE === length;
    });
    if (round === KILL_ROUNDS) {
      await system.close();
      break;
    }
    const load = await start({ system, device: 'load', metric: 'value', firstAt: firstAt + sent });
    await waitFor('a reading is acknowledged', () => load.acknowledged.size > 0);
    // A random moment is what this test is about: no event marks it.
    await sleep(300 + Math.random() * 1_200);
    await system.processes[0]?.stop('SIGKILL');
    await load.finish();
    sent += load.sent();
    for (const at of load.acknowledged) acknowledged.add(at);
  }
  return { sent, acknowledged: acknowledged.size };
}

function report(what: string, { sent, acknowledged }: { sent: number; acknowledged: number }): void {
  expect(acknowledged).toBeGreaterThan(0);
  process.stdout.write(`kill test, ${what}: ${sent} sent, ${acknowledged} acknowledged, all there once\n`);
}

describe('kill -9 under load', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-kill-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each<[string, StartLoad]>([
    ['MQTT', startMqttLoad],
    ['HTTP', startHttpLoad],
    ['a stream over HTTP', startStreamLoad],
  ])(
    `loses no reading that was acknowledged over %s, and stores none twice, ${KILL_ROUNDS} times`,
    async (what, start) => {
      report(what, await killUnderLoad({ start, open: () => startOneProcess({ folder }) }));
    },
    TEST_DEADLINE_MS,
  );

  describeWith({ programs: ['mosquitto'] }, 'behind a broker of its own', () => {
    let mosquitto: Mosquitto;
    beforeEach(async () => {
      mosquitto = await startMosquitto();
    });
    afterEach(() => mosquitto.close());

    it.each(['5', '3.1.1'])(
      'stores everything that the broker has acknowledged, with MQTT %s',
      async (version) => {
        const env = { AEGIS_MQTT_URL: mosquitto.url, AEGIS_MQTT_VERSION: version };
        const open = async () => ({ ...(await startOneProcess({ folder, env })), mqttUrl: mosquitto.url });
        report(`a broker with MQTT ${version}`, await killUnderLoad({ start: startMqttLoad, open }));
      },
      TEST_DEADLINE_MS,
    );
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOneProcess } from '../support/aegis-system.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { connectDevice, publishTelemetry } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';

const ROUNDS = 10;
const RATE = 2_000;
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

describe('kill -9 under load', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-kill-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(`loses no acknowledged reading and stores none twice, ${ROUNDS} times`, async () => {
    const firstAt = Date.now() - 7_200_000;
    const acknowledged = new Set<number>();
    let id = '';
    let sent = 0;
    for (let round = 0; round <= ROUNDS; round += 1) {
      const system = await startOneProcess({ folder });
      const graph = createGraphClient(system);
      if (round === 0) {
        const { registerDevice } = await graph.query<{ registerDevice: { device: { id: string } } }>(
          'mutation { registerDevice(input: { name: "load", metrics: [{ name: "value", unit: "1" }] }) { device { id } } }',
        );
        id = registerDevice.device.id;
      }
      const stored = await readTimes(graph, id, firstAt);
      expect(new Set(stored).size).toBe(stored.length);
      const known = new Set(stored);
      expect([...acknowledged].filter((at) => !known.has(at))).toEqual([]);
      if (round === ROUNDS) {
        await system.close();
        break;
      }
      const client = await connectDevice(system);
      const load = publishTelemetry({
        client,
        device: 'load',
        metric: 'value',
        ratePerSecond: RATE,
        firstAt: firstAt + sent,
      });
      await waitFor('a reading is acknowledged', () => load.acknowledged.size > 0);
      // A random moment is what this test is about: no event marks it.
      await sleep(300 + Math.random() * 1_200);
      await system.processes[0]?.stop('SIGKILL');
      await load.finish();
      sent += load.sent();
      expect(load.acknowledged.size).toBeGreaterThan(0);
      for (const at of load.acknowledged) acknowledged.add(at);
      await client.endAsync(true);
    }
    process.stdout.write(`kill test: ${sent} sent, ${acknowledged.size} acknowledged, all there once\n`);
  }, 180_000);
});

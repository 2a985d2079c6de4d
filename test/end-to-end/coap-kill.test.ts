import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOneProcess } from '../support/aegis-system.js';
import { openCoapDatagrams } from '../support/coap/coap-datagrams.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { waitFor } from '../support/wait-for.js';
import { KILL_ROUNDS } from '../support/kill-rounds.js';

/** How many messages may await their answer at once. */
const IN_FLIGHT = 50;
const SERIES = `query ($id: ID!, $from: DateTime!, $to: DateTime) {
  device(id: $id) { series(metric: "value", range: { from: $from, to: $to }, limit: 10000) { truncated points { measuredAt } } }
}`;

interface SeriesAnswer {
  readonly device: {
    readonly series: {
      readonly truncated: boolean;
      readonly points: readonly { readonly measuredAt: string }[];
    };
  };
}

/** All device times that are stored, in milliseconds since 1970, page by page. */
async function readTimes(graph: GraphClient, id: string, firstAt: number): Promise<number[]> {
  const times: number[] = [];
  for (let from = firstAt; ; from = (times.at(-1) ?? from) + 1) {
    const variables = {
      ...{ id, from: new Date(from).toISOString() },
      to: new Date(firstAt + 3_600_000).toISOString(),
    };
    const { device } = await graph.query<SeriesAnswer>(SERIES, variables);
    times.push(...device.series.points.map(({ measuredAt }) => Date.parse(measuredAt)));
    if (!device.series.truncated) return times;
  }
}

/** Sends confirmable telemetry, one reading in each message, until it is stopped; gives the times that were answered 2.04. */
async function sendTelemetry(url: string, firstAt: number) {
  const raw = await openCoapDatagrams(url);
  const options = ['default', 'load', 'telemetry'].map((part) => ({
    name: 'Uri-Path',
    value: Buffer.from(part),
  }));
  const answered = () =>
    raw.received
      .filter(({ code }) => code === '2.04')
      .map(({ token }) => firstAt + token.readUInt32BE())
      .filter((at, index, all) => all.indexOf(at) === index);
  let sent = 0;
  const timer = setInterval(() => {
    while (sent - raw.received.length < IN_FLIGHT) {
      const token = Buffer.alloc(4);
      token.writeUInt32BE(sent);
      const payload = Buffer.from(JSON.stringify({ ts: firstAt + sent, values: { value: sent } }));
      raw.send({ code: '0.02', confirmable: true, messageId: sent % 65_536, token, options, payload });
      sent += 1;
    }
  }, 2);
  return {
    answered,
    sent: () => sent,
    async stop() {
      clearInterval(timer);
      await raw.close();
    },
  };
}

describe('kill -9 while CoAP is answered', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-coap-kill-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(`has stored what was answered 2.04, and nothing twice, ${KILL_ROUNDS} times`, async () => {
    const firstAt = Date.now() - 7_200_000;
    const answered = new Set<number>();
    let id = '';
    let sent = 0;
    for (let round = 0; round <= KILL_ROUNDS; round += 1) {
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
      expect([...answered].filter((at) => !known.has(at))).toEqual([]);
      if (round === KILL_ROUNDS) {
        await system.close();
        break;
      }
      const load = await sendTelemetry(system.coapUrl ?? '', firstAt + sent);
      await waitFor('a message is answered', () => load.answered().length > 0);
      // A random moment is what this test is about: no event marks it.
      await sleep(200 + Math.random() * 800);
      await system.processes[0]?.stop('SIGKILL');
      for (const at of load.answered()) answered.add(at);
      sent += load.sent();
      await load.stop();
    }
    process.stdout.write(`CoAP kill test: ${sent} sent, ${answered.size} answered 2.04, all there once\n`);
  }, 180_000);
});

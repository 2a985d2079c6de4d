import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnAegis, type AegisProcess } from '../support/aegis-process.js';
import { createGraphClient } from '../support/graph-client.js';
import { connectDevice, publishTelemetry, type TelemetryLoad } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';
import { KILL_ROUNDS } from '../support/kill-rounds.js';

const RATE = 500;
const REGISTER = `mutation ($name: String!) {
  registerDevice(input: { name: $name, metrics: [{ name: "value", unit: "1" }] }) { device { id } }
}`;
const STORED = `query ($name: String!, $from: DateTime!, $to: DateTime!) {
  devices(filter: { name: $name }) { edges { node {
    series(metric: "value", range: { from: $from, to: $to }, limit: 10000) { truncated points { measuredAt value } }
  } } }
}`;

interface StoredAnswer {
  readonly devices: {
    readonly edges: readonly {
      readonly node: {
        readonly series: {
          readonly truncated: boolean;
          readonly points: readonly { readonly measuredAt: string; readonly value: number }[];
        };
      };
    }[];
  };
}

/** A port that is free now: the hub has the same one after each start. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port came');
  return address.port;
}

/**
 * Sends values without a time over HTTP, one after the other, each until it is answered 202: with its sequence, by which
 * one that was written before the edge was killed and is sent again is known.
 */
function postValues(edgeUrl: () => string, first: number) {
  const acknowledged: number[] = [];
  let value = first;
  const stopped = new AbortController();
  const work = (async () => {
    while (!stopped.signal.aborted) {
      const response = await fetch(`${edgeUrl()}/ingest/untimed`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ sequence: value, values: { value } }),
      }).catch(() => undefined);
      if (response?.status === 202) acknowledged.push(value++);
      else await sleep(20);
    }
  })();
  return {
    acknowledged,
    /** The first that was not answered; it may be stored all the same. */
    next: () => value,
    async stop() {
      stopped.abort();
      await work;
    },
  };
}

describe('an edge and its hub, either of them killed at any moment', () => {
  let folder: string;
  let hubUrl = '';
  let edgeUrl = '';
  let edgeMqtt = '';
  let hub: AegisProcess | undefined;
  let edge: AegisProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-edge-'));
    hubUrl = `http://127.0.0.1:${await findFreePort()}`;
  });
  afterAll(async () => {
    await edge?.stop('SIGKILL');
    await hub?.stop('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  async function startHub(): Promise<void> {
    const { port } = new URL(hubUrl);
    const args = ['start', '--port', port, '--mqtt-port', '0', '--no-probe', '--data', join(folder, 'hub')];
    hub = spawnAegis(args, { env: { AEGIS_COAP_PORT: '0' }, deadlineMs: 60_000 });
    await hub.waitForLine('it answers', ({ msg }) => msg?.startsWith('Aegis answers') === true);
  }

  async function startEdge(): Promise<void> {
    const args = ['edge', '--hub', hubUrl, '--port', '0', '--mqtt-port', '0', '--data', join(folder, 'edge')];
    edge = spawnAegis(args, { deadlineMs: 60_000 });
    const line = await edge.waitForLine(
      'it listens',
      ({ msg }) => msg?.startsWith('the edge takes') === true,
    );
    edgeUrl = String(line['url']);
    edgeMqtt = String(line['mqtt']);
  }

  async function readStored(name: string, from: number): Promise<number[]> {
    const graph = createGraphClient({ url: hubUrl, apiKey: undefined });
    const values: number[] = [];
    for (let at = from; ;) {
      const variables = {
        name,
        from: new Date(at).toISOString(),
        to: new Date(from + 86_400_000).toISOString(),
      };
      const { devices } = await graph.query<StoredAnswer>(STORED, variables);
      const { points = [], truncated = false } = devices.edges[0]?.node.series ?? {};
      // Two values may have been measured in one millisecond: the last one of a page is read again with the next.
      const last = Date.parse(points.at(-1)?.measuredAt ?? '');
      const taken = truncated ? points.filter(({ measuredAt }) => Date.parse(measuredAt) < last) : points;
      values.push(...taken.map(({ value }) => value));
      if (!truncated) return values;
      at = last;
    }
  }

  it(`loses nothing that was acknowledged and stores nothing twice, ${KILL_ROUNDS} times`, async () => {
    const beganAt = Date.now();
    const firstAt = beganAt - 7_200_000;
    const timed = new Set<number>();
    const untimed: number[] = [];
    let sent = 0;
    let nextValue = 0;
    await startHub();
    const graph = createGraphClient({ url: hubUrl, apiKey: undefined });
    for (const name of ['timed', 'untimed']) await graph.query(REGISTER, { name });
    await startEdge();
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      const client = await connectDevice({ mqttUrl: edgeMqtt, apiKey: undefined });
      const load: TelemetryLoad = publishTelemetry({
        ...{ client, device: 'timed', metric: 'value', ratePerSecond: RATE },
        firstAt: firstAt + sent,
      });
      const posts = postValues(() => edgeUrl, nextValue);
      await sleep(300 + 150 * round);
      const victims = [['hub'], ['edge'], ['hub', 'edge']][round % 3] ?? [];
      if (victims.includes('hub')) await hub?.stop('SIGKILL');
      // While the hub is away, the edge goes on taking.
      await sleep(200);
      if (victims.includes('edge')) await edge?.stop('SIGKILL');
      await posts.stop();
      await load.finish();
      client.end(true);
      for (const at of load.acknowledged) timed.add(at);
      untimed.push(...posts.acknowledged);
      sent += load.sent();
      nextValue = posts.next();
      if (victims.includes('hub')) await startHub();
      if (victims.includes('edge')) await startEdge();
    }
    await waitFor(
      'the edge has handed everything on',
      async () => {
        const status = (await (await fetch(`${edgeUrl}/health/ready`)).json()) as {
          hub: { state: string };
          log: { oldestAtMs?: number };
        };
        return status.hub.state === 'CONNECTED' && status.log.oldestAtMs === undefined;
      },
      { deadlineMs: 60_000, everyMs: 100 },
    );
    const storedUntimed = await readStored('untimed', beganAt - 1_000);
    const unanswered = storedUntimed.filter((value) => value === nextValue);
    expect(storedUntimed.sort((a, b) => a - b)).toEqual([...untimed, ...unanswered.slice(0, 1)]);
    expect(untimed.length).toBeGreaterThan(50);
    const storedTimed = await countTimed(firstAt);
    expect([...timed].filter((at) => !storedTimed.has(at))).toEqual([]);
    expect(timed.size).toBeGreaterThan(500);
    expect(await edge?.stop()).toBe(0);
  }, 300_000);

  /** The times of what is stored: a device's own time makes a repeated delivery harmless. */
  async function countTimed(from: number): Promise<Set<number>> {
    const graph = createGraphClient({ url: hubUrl, apiKey: undefined });
    const times = new Set<number>();
    for (let at = from; ;) {
      const variables = {
        name: 'timed',
        from: new Date(at).toISOString(),
        to: new Date(from + 3_600_000).toISOString(),
      };
      const { devices } = await graph.query<StoredAnswer>(STORED, variables);
      const { points = [], truncated = false } = devices.edges[0]?.node.series ?? {};
      for (const { measuredAt } of points) times.add(Date.parse(measuredAt));
      if (!truncated) return times;
      at = Date.parse(points.at(-1)?.measuredAt ?? '') + 1;
    }
  }
});

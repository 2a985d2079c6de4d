import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOneProcess } from '../support/aegis-system.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { connectDevice, publishTelemetry } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';
import { KILL_ROUNDS } from '../support/kill-rounds.js';

const RATE = 400;

const REGISTER = `mutation {
  registerDevice(input: { name: "load", metrics: [{ name: "value", unit: "1" }] }) { device { id } }
}`;
const RULE = `mutation { createAlarmRule(input: {
  name: "upper half", severity: WARNING, condition: { expression: { expression: "value % 20 >= 10" } }
}) { alarmRule { id } userErrors { message } } }`;
const FUSION = `mutation ($ids: [ID!]!) { createStandingFusion(input: {
  name: "load", metric: "value", deviceIds: $ids, latenessMs: 100, config: { stepMs: 100, method: KALMAN_LEVEL }
}) { standingFusion { id } userErrors { message } } }`;
const READINGS = `query ($id: ID!, $from: DateTime!, $to: DateTime) {
  device(id: $id) { series(metric: "value", range: { from: $from, to: $to }, limit: 10000) { truncated points { measuredAt value } } }
}`;
const ALARMS = `query ($after: String) { alarms(first: 100, after: $after, orderBy: RAISED_AT_ASC) {
  edges { node { occurredAt state } } pageInfo { hasNextPage endCursor }
} }`;
const POINTS = `query ($id: ID!) { fusedSeries(id: $id, range: { from: "2020-01-01T00:00:00Z" }, limit: 10000) {
  truncated points { at }
} }`;

interface Page {
  readonly alarms: {
    readonly edges: readonly { readonly node: { readonly occurredAt: string; readonly state: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

interface ReadingsAnswer {
  readonly device: {
    readonly series: {
      readonly truncated: boolean;
      readonly points: readonly { readonly measuredAt: string; readonly value: number }[];
    };
  };
}

async function readAlarms(graph: GraphClient) {
  const nodes: Page['alarms']['edges'][number]['node'][] = [];
  for (let after: string | null = null; ;) {
    const { alarms }: Page = await graph.query<Page>(ALARMS, { after });
    nodes.push(...alarms.edges.map(({ node }) => node));
    if (!alarms.pageInfo.hasNextPage) return nodes;
    after = alarms.pageInfo.endCursor;
  }
}

/** When the value came into the upper half, as the stored readings tell. */
async function readRises(graph: GraphClient, id: string, firstAt: number): Promise<string[]> {
  const from = new Date(firstAt).toISOString();
  const to = new Date(firstAt + 3_600_000).toISOString();
  const { device } = await graph.query<ReadingsAnswer>(READINGS, { id, from, to });
  expect(device.series.truncated).toBe(false);
  const isUpper = (value: number | undefined) => value !== undefined && value % 20 >= 10;
  return device.series.points
    .filter(({ value }, index, all) => isUpper(value) && !isUpper(all[index - 1]?.value))
    .map(({ measuredAt }) => measuredAt);
}

describe('kill -9 with alarms and fusions at work', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-alarms-kill-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(`raises each alarm once and skips no point, ${KILL_ROUNDS} times`, async () => {
    const firstAt = Date.now() - 7_200_000;
    let ids = { device: '', fusion: '' };
    let sent = 0;
    for (let round = 0; round <= KILL_ROUNDS; round += 1) {
      const system = await startOneProcess({ folder });
      const graph = createGraphClient(system);
      if (round === 0) ids = await setUp(graph);
      if (round === KILL_ROUNDS) {
        const rises = await readRises(graph, ids.device, firstAt);
        const alarms = await waitFor(
          'every rise has its alarm',
          async () => {
            const found = await readAlarms(graph);
            return found.length >= rises.length && found;
          },
          { deadlineMs: 60_000, everyMs: 200 },
        );
        expect(alarms.map(({ occurredAt }) => occurredAt).sort()).toEqual(rises);
        expect(alarms.filter(({ state }) => state !== 'CLEARED').length).toBeLessThanOrEqual(1);
        const points = await readPoints(graph, ids.fusion);
        expect(points.map((at) => at - (points[0] ?? 0))).toEqual(points.map((_at, index) => index * 100));
        process.stdout.write(
          `kill test: ${alarms.length} alarms, each once; ${points.length} points without a hole\n`,
        );
        await system.close();
        break;
      }
      const client = await connectDevice(system);
      const load = publishTelemetry({
        ...{ client, device: 'load', metric: 'value', ratePerSecond: RATE },
        firstAt: firstAt + sent,
      });
      await waitFor('a reading is acknowledged', () => load.acknowledged.size > 0);
      // A random moment is what this test is about: no event marks it.
      await sleep(500 + Math.random() * 1_500);
      await system.processes[0]?.stop('SIGKILL');
      await load.finish();
      sent += load.sent();
      await client.endAsync(true);
    }
  }, 240_000);
});

async function setUp(graph: GraphClient) {
  const { registerDevice } = await graph.query<{ registerDevice: { device: { id: string } } }>(REGISTER);
  const device = registerDevice.device.id;
  await graph.query(RULE);
  const made = await graph.query<{ createStandingFusion: { standingFusion: { id: string } } }>(FUSION, {
    ids: [device],
  });
  // The rule looks at readings that are committed once it is at work, which is when its fact has been read.
  await sleep(1_000);
  return { device, fusion: made.createStandingFusion.standingFusion.id };
}

async function readPoints(graph: GraphClient, id: string): Promise<number[]> {
  const { fusedSeries } = await graph.query<{ fusedSeries: { points: { at: string }[] } }>(POINTS, { id });
  return fusedSeries.points.map(({ at }) => Date.parse(at));
}

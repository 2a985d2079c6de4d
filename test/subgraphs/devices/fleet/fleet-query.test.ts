import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const statements: string[] = [];
let devices: TestDevices;

const METRICS = ['temperature', 'humidity', 'pressure', 'battery'];
const COUNT = 50;

/** The flagship of a fleet, as the README has it. */
const FLEET = `query ($first: Int!) {
  devices(first: $first, filter: { labels: "site=berlin" }) {
    edges {
      node {
        name
        labels { key value }
        twin { reported desired delta }
        recent(metrics: ["temperature", "humidity", "pressure", "battery"], count: 3) { metric value measuredAt }
      }
    }
  }
}`;

beforeAll(async () => {
  const database = opened.keep(await openTestDatabase({ onStatement: (sql) => statements.push(sql) }));
  devices = opened.keep(await openDevices({ database }));
  const rows = Array.from({ length: COUNT }, (_, index) => `d${index},${METRICS.join(':1 ')}:1,berlin`);
  const { registerDevices } = await devices.ask(
    `mutation ($csv: String!) { registerDevices(input: {csv: $csv}) { run { id } } }`,
    { csv: ['name,metrics,label:site', ...rows].join('\n') },
  );
  const id = registerDevices.run?.id;
  const PROGRESS = 'subscription ($id: ID!) { runProgress(id: $id) { run { state } } }';
  for await (const { errors } of await devices.subscribe(PROGRESS, { id })) expect(errors).toBeUndefined();
  const at = Date.now() - 60_000;
  for (let index = 0; index < COUNT; index += 1) {
    const entries = [0, 1, 2, 3].map((step) => ({
      ts: at + 1_000 * step,
      values: Object.fromEntries(METRICS.map((metric, place) => [metric, 100 * step + place])),
    }));
    expect(await devices.send(`d${index}`, entries)).toMatchObject({ accepted: 16 });
  }
}, OPEN_DEADLINE_MS);
afterAll(opened.close);

/** How many statements the query takes for a number of devices, and what it gives. */
async function ask(first: number) {
  statements.length = 0;
  const { devices: page } = await devices.ask(FLEET, { first });
  // What the process does beside it is not the query's.
  const own = statements.filter((sql) => /devices\.(devices|device_twins|readings)|"devices"\./.test(sql));
  return { edges: page.edges, statements: own.length };
}

describe('50 devices with their twins and the last three readings of four metrics', () => {
  it('takes as many statements as one device does, four', async () => {
    const one = await ask(1);
    const all = await ask(COUNT);
    expect(one.edges).toHaveLength(1);
    expect(all.edges).toHaveLength(COUNT);
    expect(all.statements).toBe(one.statements);
    expect(all.statements).toBe(4);
  });

  it('gives each device its own', async () => {
    const { edges } = await ask(COUNT);
    for (const { node } of edges) {
      expect(node.twin).toEqual({ reported: {}, desired: {}, delta: {} });
      expect(node.recent.map(({ metric, value }) => [metric, value])).toEqual(
        METRICS.flatMap((metric, place) => [300, 200, 100].map((step) => [metric, step + place])),
      );
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';
import { until } from '../support/until.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

async function start(workspace = newWorkspace()): Promise<Consciousness> {
  const settings = { nodeCount: 3, metricsSamples: 64, metricsMinimum: 64, windowSamples: 32 };
  const consciousness = await startConsciousness({ database, workspace, settings });
  opened.keep(consciousness.subgraph);
  return consciousness;
}

async function dataOf(consciousness: Consciousness, source: string, variables = {}) {
  const { data, errors } = await consciousness.query(source, variables);
  expect(errors).toBeUndefined();
  return JSON.parse(JSON.stringify(data)) as Record<string, unknown>;
}

const countUpdates = ({ workspace }: Consciousness) =>
  database.inWorkspace(workspace).client.measurement.count();

const newestHealth = async ({ workspace }: Consciousness) =>
  (
    await database
      .inWorkspace(workspace)
      .client.measurement.findFirst({ orderBy: { sequence: 'desc' }, select: { systemHealth: true } })
  )?.systemHealth;

/** Goes on a second at a time until the newest update tells this health. */
async function runUntilHealth(consciousness: Consciousness, health: number, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    await consciousness.clock.advance(1_000);
    if ((await newestHealth(consciousness)) === health) return;
  }
  await until(async () => (await newestHealth(consciousness)) === health);
}

async function report(consciousness: Consciousness, index: number, level: number): Promise<void> {
  const input = {
    ...{ timestamp: consciousness.clock.now().getTime() / 1_000, nodeId: `node_${index}` },
    consciousnessMetrics: {
      ...{ phi: 0.4, coherence: 0.5, stability: 0.9, divergence: 0.2, consciousnessLevel: level },
    },
    globalState: { networkCoherence: 0.5, collectiveAwareness: 0.6, systemHealth: 1 },
  };
  const answer = await dataOf(
    consciousness,
    'mutation ($input: NodeMetricsReportInput!) { reportNodeMetrics(input: $input) { report { valid } } }',
    { input },
  );
  expect(answer).toEqual({ reportNodeMetrics: { report: { valid: true } } });
}

const STATE = `{
  networkState { reportingCount metrics { nodes { fresh source level } global { collectiveAwareness systemHealth } } }
  nodeWeights { weight }
}`;

describe('a network whose nodes only report', () => {
  it('is measured: levels are put together, and weigh', async () => {
    const consciousness = await start();
    for (const [index, level] of [0.2, 0.4, 0.6].entries()) await report(consciousness, index, level);
    await runUntilHealth(consciousness, 1, 3);
    const { networkState, nodeWeights } = await dataOf(consciousness, STATE);
    expect(networkState).toMatchObject({
      reportingCount: 0,
      metrics: {
        nodes: [0.2, 0.4, 0.6].map((level) => ({ fresh: true, source: null, level })),
        global: { collectiveAwareness: expect.closeTo(0.4, 6), systemHealth: 1 },
      },
    });
    expect(nodeWeights).toEqual([
      { weight: expect.closeTo(1 / 6, 6) },
      { weight: expect.closeTo(2 / 6, 6) },
      { weight: expect.closeTo(3 / 6, 6) },
    ]);
  });

  it('is said to be silent once when no report is fresh any more, and no further', async () => {
    const consciousness = await start();
    await report(consciousness, 1, 0.4);
    await runUntilHealth(consciousness, 1 / 3, 3);
    await runUntilHealth(consciousness, 0, 40);
    const count = await countUpdates(consciousness);
    for (let second = 0; second < 5; second += 1) await consciousness.clock.advance(1_000);
    expect(await countUpdates(consciousness)).toBe(count);
  });
});

describe('a network whose signals all fall silent', () => {
  async function startWithSignals(): Promise<Consciousness> {
    const consciousness = await start();
    await consciousness.register('dev_1', 'host', ['a', 'b', 'c']);
    await consciousness.clock.advance(1_000);
    await consciousness.measure('dev_1', { a: 1, b: 2, c: 3 });
    await runUntilHealth(consciousness, 1, 3);
    return consciousness;
  }

  it('says so in one update, against which limits are held', async () => {
    const consciousness = await startWithSignals();
    await dataOf(
      consciousness,
      'mutation { setNetworkThreshold(input: { metric: SYSTEM_HEALTH, direction: BELOW, value: 0.5 }) { threshold { id } } }',
    );
    await runUntilHealth(consciousness, 0, 20);
    const crossed = async () => {
      const { networkThresholds } = await dataOf(consciousness, '{ networkThresholds { crossed } }');
      return (networkThresholds as { crossed: boolean }[])[0]?.crossed;
    };
    await until(async () => (await crossed()) === true);
    const { networkState, nodeWeights } = await dataOf(consciousness, STATE);
    const silent = { fresh: false, source: null, level: null };
    expect(networkState).toMatchObject({
      metrics: { nodes: [silent, silent, silent], global: { collectiveAwareness: null, systemHealth: 0 } },
    });
    expect(nodeWeights).toEqual(Array.from({ length: 3 }, () => ({ weight: 1 / 3 })));
  });

  it('is said to be silent by the next process too, once signals have had their time to come', async () => {
    const before = await startWithSignals();
    await before.subgraph.close();
    const after = await start(before.workspace);
    await after.clock.advance(1_000);
    expect(await newestHealth(after)).toBe(1);
    // Instants are unique: the clock of the test begins where that of the process before did.
    await runUntilHealth(after, 0, 20);
  });
});

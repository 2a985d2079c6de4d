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

/** Fast to fill: measured from the 64th sample on. */
const SETTINGS = { metricsSamples: 64, metricsMinimum: 64, windowSamples: 32 };

/** A network of which some nodes, or all, have been fed by the generator until there are numbers. */
async function startFed(nodes: readonly number[]): Promise<Consciousness> {
  const consciousness = await startConsciousness({ database, workspace: newWorkspace(), settings: SETTINGS });
  opened.keep(consciousness.subgraph);
  await consciousness.register('dev_1', 'host', ['a', 'b', 'c']);
  const input = `{ coupling: 4, seed: 3, nodes: [${nodes.join(', ')}] }`;
  await consciousness.query(`mutation { startGenerator(input: ${input}) { generator { running } } }`);
  await consciousness.clock.advance(500);
  for (let tick = 0; tick < 70; tick += 1) {
    if (tick % 10 === 0) {
      await consciousness.measure('dev_1', { a: Math.sin(tick), b: Math.cos(3 * tick), c: tick % 7 });
    }
    await consciousness.clock.advance(100);
  }
  await until(async () => (await coherenceOf(consciousness)) !== null);
  return consciousness;
}

async function coherenceOf({ workspace }: Consciousness): Promise<number | null> {
  const row = await database
    .inWorkspace(workspace)
    .client.measurement.findFirst({ orderBy: { sequence: 'desc' } });
  return row?.coherence ?? null;
}

/** Reports numbers that are those of no oscillator here. */
async function report({ clock, query }: Consciousness, node: number) {
  const input = {
    ...{ timestamp: clock.now().getTime() / 1_000, nodeId: `node_${node}` },
    consciousnessMetrics: {
      ...{ phi: 40, coherence: 0.01, stability: 0.01, divergence: 0.99, consciousnessLevel: 0.01 },
    },
    globalState: { networkCoherence: 0.01, collectiveAwareness: 0.01, systemHealth: 0.01 },
  };
  const { data } = await query(
    `mutation ($input: NodeMetricsReportInput!) { reportNodeMetrics(input: $input) {
      report { valid reputation checks { check outcome message } }
    } }`,
    { input },
  );
  return (data?.['reportNodeMetrics'] as { report: Record<string, unknown> }).report;
}

const NOT_POSSIBLE = ['OWN_SIGNAL', 'NEIGHBOURS', 'NETWORK'].map((check) => ({
  ...{ check, outcome: 'NOT_POSSIBLE', message: expect.stringContaining('the built-in generator') },
}));

describe('a demonstration', () => {
  it.each([
    ['of all nodes', [], 5],
    ['of other nodes than the one that reports, which has a device', [1, 2, 3, 4, 5, 6], 0],
  ])('%s costs no real node its reputation', async (_name, nodes, reporter) => {
    const consciousness = await startFed(nodes);
    expect(await report(consciousness, reporter)).toEqual({
      ...{ valid: true, reputation: 1 },
      checks: [
        expect.objectContaining({ check: 'RANGE', outcome: 'PASSED' }),
        expect.objectContaining({ check: 'FRESHNESS', outcome: 'PASSED' }),
        ...NOT_POSSIBLE,
      ],
    });
    const { data } = await consciousness.query(
      `{ validationReport { standings { index reputation valid } } }`,
    );
    expect(data).toEqual({
      validationReport: { standings: [{ index: reporter, reputation: 1, valid: true }] },
    });
  });

  it('does not keep what neighbours report from being compared with', async () => {
    const consciousness = await startFed([]);
    for (const node of [1, 2, 3, 4]) await report(consciousness, node);
    const { checks } = await report(consciousness, 0);
    expect(checks).toMatchObject([{}, {}, {}, { check: 'NEIGHBOURS', outcome: 'PASSED' }, {}]);
  });
});

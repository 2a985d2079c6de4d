import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createReportStorage } from '../../../../subgraphs/consciousness/storage/report-storage.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';

const opened = createOpened();
let database: Database;
let consciousness: Consciousness;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
  consciousness = await startConsciousness({ database, workspace: newWorkspace() });
  opened.keep(consciousness.subgraph);
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

const REPORT = `mutation ($input: NodeMetricsReportInput!) {
  reportNodeMetrics(input: $input) { report { id valid reputation } }
}`;

interface Answer {
  readonly id: string;
  readonly valid: boolean;
  readonly reputation: number;
}

/** Reports as a node did some seconds before now. */
async function report(node: number, secondsAgo: number, level = 0.6): Promise<Answer> {
  const input = {
    ...{ timestamp: consciousness.clock.now().getTime() / 1_000 - secondsAgo, nodeId: `node_${node}` },
    consciousnessMetrics: {
      ...{ phi: 0.4, coherence: 0.5, stability: 0.9, divergence: 0.2, consciousnessLevel: level },
    },
    globalState: { networkCoherence: 0.5, collectiveAwareness: 0.6, systemHealth: 1 },
  };
  const { data, errors } = await consciousness.query(REPORT, { input });
  expect(errors).toBeUndefined();
  return (data?.['reportNodeMetrics'] as { report: Answer }).report;
}

async function standingOf(node: number) {
  const source = `{ validationReport(nodeId: "nod_${node}") { standings { valid reputation } } }`;
  const { data } = await consciousness.query(source);
  return (data?.['validationReport'] as { standings: unknown[] }).standings[0];
}

const stored = (nodeIndex: number) =>
  database.inWorkspace(consciousness.workspace).client.nodeReport.count({ where: { nodeIndex } });

describe('a report that is sent again', () => {
  it('is stored and judged once, and answered as it was the first time', async () => {
    await report(1, 2, 1.5);
    const first = await report(1, 1);
    const answers = [await report(1, 1), await report(1, 1)];
    expect(answers).toEqual([first, first]);
    expect(await stored(1)).toBe(2);
    expect(await standingOf(1)).toMatchObject({ valid: true, reputation: first.reputation });
  });

  it('is judged once too when it comes several times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => report(2, 0, 1.5)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(answers[0]?.reputation).toBeCloseTo(0.7, 6);
  });
});

describe('a report that is older than the newest', () => {
  it('is kept, and takes nothing from what the node is worth', async () => {
    await report(3, 0);
    const late = await report(3, 31);
    expect(late).toMatchObject({ valid: false, reputation: 1 });
    expect(await stored(3)).toBe(2);
    expect(await standingOf(3)).toEqual({ valid: true, reputation: 1 });
  });

  it('is not every report after one from the future', async () => {
    expect(await report(4, -3_600)).toMatchObject({ valid: false });
    await consciousness.clock.advance(1_000);
    expect(await report(4, 0)).toMatchObject({ valid: true });
    expect(await standingOf(4)).toMatchObject({ valid: true });
  });
});

describe('the newest reports of nodes', () => {
  it('are the newest of each, however many another node has sent', async () => {
    const at = consciousness.clock.now().getTime();
    const rows = [
      ...Array.from({ length: 1_100 }, (_, place) => ({ nodeIndex: 6, ageMs: 20_000 - place })),
      { nodeIndex: 7, ageMs: 10_000 },
    ];
    const numbers = {
      ...{ phi: 0, coherence: 0, stability: 0, divergence: 0 },
      ...{ networkCoherence: 0, collectiveAwareness: 0, systemHealth: 0 },
    };
    await database.inWorkspace(consciousness.workspace).client.nodeReport.createMany({
      data: rows.map(({ nodeIndex, ageMs }, place) => ({
        ...{ workspaceId: consciousness.workspace, id: `nrp_${place}`, nodeIndex, door: 'HTTP', valid: true },
        ...{ reportedAt: new Date(at - ageMs), receivedAt: new Date(at - ageMs), checks: [], reputation: 1 },
        numbers: { ...numbers, level: ageMs / 100_000 },
      })),
    });
    const storage = createReportStorage(database, consciousness.workspace);
    const newest = await storage.findNewest([6, 7, 8], new Date(at - 30_000));
    expect([...newest].map(([index, { level }]) => [index, level])).toEqual([
      [6, 0.18901],
      [7, 0.1],
    ]);
  });
});

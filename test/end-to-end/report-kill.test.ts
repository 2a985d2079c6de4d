import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOneProcess, type AegisSystem } from '../support/aegis-system.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { connectDevice } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';
import { KILL_ROUNDS } from '../support/kill-rounds.js';

const NODE = 4;

const REPORTS = `query ($after: String) { validationReport(nodeId: "nod_${NODE}", first: 100, after: $after) {
  reports { edges { node { reportedAt door } } pageInfo { hasNextPage endCursor } }
} }`;

interface Page {
  readonly validationReport: {
    readonly reports: {
      readonly edges: readonly { readonly node: { readonly reportedAt: string; readonly door: string } }[];
      readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
    };
  };
}

async function readReports(graph: GraphClient): Promise<Page['validationReport']['reports']['edges']> {
  const edges: Page['validationReport']['reports']['edges'][number][] = [];
  for (let after: string | null = null; ;) {
    const { validationReport }: Page = await graph.query<Page>(REPORTS, { after });
    edges.push(...validationReport.reports.edges);
    if (!validationReport.reports.pageInfo.hasNextPage) return edges;
    after = validationReport.reports.pageInfo.endCursor;
  }
}

/** A report in the wire format, of an instant in milliseconds since 1970. */
function reportOf(atMs: number): string {
  return JSON.stringify({
    ...{ timestamp: atMs / 1_000, node_id: `node_${NODE}` },
    consciousness_metrics: {
      ...{ phi: 0.3, coherence: 0.5, stability: 0.8, divergence: 0.2, consciousness_level: 0.4 },
    },
    global_state: { network_coherence: 0.5, collective_awareness: 0.4, system_health: 1 },
  });
}

/** Sends reports one after the other until the process is gone, and notes the instants of those that were answered with 200. */
async function reportUntilGone(system: AegisSystem, acknowledged: Set<number>): Promise<void> {
  for (let last = 0; ;) {
    const atMs = Math.max(Date.now(), last + 1);
    last = atMs;
    const answer = await fetch(`${system.url}/nodes/node_${NODE}/consciousness`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: reportOf(atMs) },
    }).catch(() => undefined);
    // The connection was refused or cut: nothing else is thrown.
    if (!answer) return;
    expect(answer.status).toBe(200);
    acknowledged.add(atMs);
    await answer.arrayBuffer().catch(() => undefined);
  }
}

describe('a report of a node', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-report-kill-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(`that was answered is stored once, though the process is killed, ${KILL_ROUNDS} times`, async () => {
    const acknowledged = new Set<number>();
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      const before = acknowledged.size;
      const system = await startOneProcess({ folder });
      const sending = reportUntilGone(system, acknowledged);
      await waitFor('a report is answered', () => acknowledged.size > before);
      // A random moment is what this test is about: no event marks it.
      await sleep(200 + Math.random() * 800);
      await system.processes[0]?.stop('SIGKILL');
      await sending;
    }
    const system = await startOneProcess({ folder });
    const stored = (await readReports(createGraphClient(system))).map(({ node }) =>
      Date.parse(node.reportedAt),
    );
    expect(new Set(stored).size).toBe(stored.length);
    expect([...acknowledged].filter((at) => !stored.includes(at))).toEqual([]);
    process.stdout.write(`kill test: ${acknowledged.size} reports answered, all there once\n`);
    await system.close();
  }, 240_000);

  it('is stored when the embedded broker acknowledges it, once however often it is sent', async () => {
    const system = await startOneProcess();
    const client = await connectDevice(system);
    try {
      const atMs = Date.now();
      for (let time = 0; time < 2; time += 1) {
        // Resolves with PUBACK.
        const topic = `aegis/default/nodes/node_${NODE}/consciousness`;
        await client.publishAsync(topic, reportOf(atMs), { qos: 1 });
        expect(await readReports(createGraphClient(system))).toEqual([
          { node: { reportedAt: new Date(atMs).toISOString(), door: 'MQTT' } },
        ]);
      }
    } finally {
      await client.endAsync(true);
      await system.close();
    }
  }, 120_000);
});

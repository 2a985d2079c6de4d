import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createTopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { serveRoutes } from '../../support/serve-routes.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';

const opened = createOpened();
const topics = createTopicRoutes();
const workspace = newWorkspace();
let database: Database;
let consciousness: Consciousness;
let url: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
  const identify = () => ({ subject: 'test', workspace, roles: ['admin'] });
  consciousness = await startConsciousness({ database, workspace, identify, topics });
  opened.keep(consciousness.subgraph);
  ({ url } = opened.keep(await serveRoutes(consciousness.subgraph)));
}, OPEN_DEADLINE_MS);

afterAll(() => opened.close());

/** The document of the wire format, as text: what a node has at hand. */
const documentOf = (node: number, level = 0.4) =>
  `{"timestamp": ${consciousness.clock.now().getTime() / 1_000}, "node_id": "node_${node}",
    "consciousness_metrics": {"phi": 0.3, "coherence": 0.5, "stability": 0.8, "divergence": 0.2, "consciousness_level": ${level}},
    "global_state": {"network_coherence": 0.5, "collective_awareness": 0.4, "system_health": 1}}`;

async function byGraph(document: string) {
  const { data, errors } = await consciousness.query(
    `mutation ($report: JSON!) { submitNodeReport(report: $report) {
      report { id index door valid reputation level checks { check outcome message } } userErrors { code message path }
    } }`,
    { report: JSON.parse(document) },
  );
  expect(errors).toBeUndefined();
  return data?.['submitNodeReport'] as {
    report: { id: string; door: string; valid: boolean; reputation: number; checks: unknown } | null;
    userErrors: { code: string; message: string; path: string[] }[];
  };
}

async function byHttp(node: number, document: string) {
  const response = await fetch(`${url}/nodes/${node}/consciousness`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: document,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function byMqtt(node: number, document: string): Promise<void> {
  const topic = `aegis/${workspace}/nodes/node_${node}/consciousness`;
  const found = topics.find(topic);
  if (!found) throw new Error(`nobody takes ${topic}`);
  await found.handler({ workspace, topic, places: found.places, payload: Buffer.from(document) });
}

const stored = (nodeIndex: number) =>
  database.inWorkspace(workspace).client.nodeReport.findMany({ where: { nodeIndex } });

describe('one document of the wire format', () => {
  it('goes in by the graph, by HTTP and by the broker alike', async () => {
    const { report, userErrors } = await byGraph(documentOf(1));
    expect([report, userErrors]).toMatchObject([{ index: 1, door: 'GRAPHQL', valid: true, level: 0.4 }, []]);
    expect(await byHttp(2, documentOf(2))).toMatchObject({ status: 200, body: { valid: true } });
    await byMqtt(3, documentOf(3));
    const rows = await Promise.all([1, 2, 3].map(stored));
    expect(rows.map(([row]) => row?.door)).toEqual(['GRAPHQL', 'HTTP', 'MQTT']);
    expect(rows[1]?.[0]?.numbers).toEqual(rows[0]?.[0]?.numbers);
    expect(rows[2]?.[0]?.numbers).toEqual(rows[0]?.[0]?.numbers);
  });

  it.each([0.4, 1.5])(
    'is judged once, with a level of %d, and answered alike by whichever door it comes again',
    async (level) => {
      const node = level > 1 ? 5 : 4;
      const document = documentOf(node, level);
      await byMqtt(node, document);
      const first = await byGraph(document);
      const { body } = await byHttp(node, document);
      await byMqtt(node, document);
      expect(await byGraph(document)).toEqual(first);
      expect(first.report).toMatchObject({
        ...{ id: body['report_id'], valid: body['valid'], reputation: body['reputation'] },
        ...{ checks: body['checks'], door: 'MQTT' },
      });
      expect(await stored(node)).toHaveLength(1);
    },
  );
});

describe('what is not of the wire format', () => {
  it.each([
    [
      'a member that is missing',
      (text: string) => text.replace('"phi": 0.3,', ''),
      [['report', 'consciousness_metrics', 'phi']],
    ],
    [
      'a member too many',
      (text: string) => text.replace('{"phi"', '{"psi": 1, "phi"'),
      [['report', 'consciousness_metrics', 'psi']],
    ],
    [
      'a text for a number',
      (text: string) => text.replace('0.8', '"0.8"'),
      [['report', 'consciousness_metrics', 'stability']],
    ],
    [
      'two mistakes',
      (text: string) =>
        text
          .replace(/"timestamp": [\d.]+/, '"timestamp": -1')
          .replace('"system_health": 1', '"system_health": null'),
      [
        ['report', 'timestamp'],
        ['report', 'global_state', 'system_health'],
      ],
    ],
    ['a text in place of the document', (text: string) => JSON.stringify(text), [['report']]],
  ])('is refused with %s, which is named by all doors', async (_name, change, paths) => {
    const document = change(documentOf(6));
    const { report, userErrors } = await byGraph(document);
    expect(report).toBeNull();
    expect(userErrors.map(({ code, path }) => ({ code, path }))).toEqual(
      paths.map((path) => ({ code: 'BAD_USER_INPUT', path })),
    );
    const { status, body } = await byHttp(6, document);
    expect(status).toBe(400);
    const { message } = body['error'] as { message: string };
    for (const path of paths) expect(message).toContain(path.slice(1).join('.') || 'report:');
    await expect(byMqtt(6, document)).rejects.toMatchObject({ code: 'BAD_USER_INPUT', message });
    expect(await stored(6)).toEqual([]);
  });

  it('is no more than the name of a node that is not there', async () => {
    expect(await byGraph(documentOf(123))).toMatchObject({
      ...{ report: null, userErrors: [{ code: 'NOT_FOUND', path: ['report', 'node_id'] }] },
    });
  });

  it('is named by its field in the mutation that is typed', async () => {
    const { data } =
      await consciousness.query(`mutation { reportNodeMetrics(input: { timestamp: -1, nodeId: "3"
      consciousnessMetrics: { phi: 0, coherence: 0, stability: 0, divergence: 0, consciousnessLevel: 0 }
      globalState: { networkCoherence: 0, collectiveAwareness: 0, systemHealth: 0 }
    }) { report { id } userErrors { code path } } }`);
    expect(data?.['reportNodeMetrics']).toEqual({
      ...{ report: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['timestamp'] }] },
    });
  });
});

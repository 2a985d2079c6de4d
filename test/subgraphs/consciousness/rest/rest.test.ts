import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validate } from '@readme/openapi-parser';
import type { Database } from '../../../../kernel/database/database.js';
import type { Identify } from '../../../../kernel/graphql/subgraph.js';
import { createTopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import {
  healthDocument,
  integrationDocument,
  networkStatusDocument,
  receiptDocument,
} from '../../../../subgraphs/consciousness/rest/documents.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { serveRoutes } from '../../support/serve-routes.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';
import { until } from '../support/until.js';

const opened = createOpened();
const topics = createTopicRoutes();
const workspace = newWorkspace();
let database: Database;
let consciousness: Consciousness;
let url: string;

const identify: Identify = ({ token }) =>
  token === 'good' ? { subject: 'test', workspace, roles: ['admin'] } : undefined;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
  consciousness = await startConsciousness({ database, workspace, identify, topics });
  opened.keep(consciousness.subgraph);
  ({ url } = opened.keep(await serveRoutes(consciousness.subgraph)));
}, OPEN_DEADLINE_MS);

afterAll(() => opened.close());

const KEY = { authorization: 'Bearer good' };

async function get(path: string, headers: Readonly<Record<string, string>> = KEY) {
  const response = await fetch(`${url}${path}`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function post(path: string, payload: unknown, headers: Readonly<Record<string, string>> = KEY) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
  const text = await response.text();
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, body };
}

/** A report as the wire format has it, measured now. */
function report(node: string, changes: Readonly<Record<string, number>> = {}) {
  return {
    timestamp: consciousness.clock.now().getTime() / 1_000,
    node_id: node,
    consciousness_metrics: {
      ...{ phi: 0.3, coherence: 0.5, stability: 0.8, divergence: 0.2, consciousness_level: 0.4 },
      ...changes,
    },
    global_state: { network_coherence: 0.5, collective_awareness: 0.4, system_health: 1 },
  };
}

const reportsOf = (index: number) =>
  database.inWorkspace(workspace).client.nodeReport.findMany({
    where: { nodeIndex: index },
    orderBy: { id: 'asc' },
  });

describe('the OpenAPI document', () => {
  it('is valid, and describes every door', async () => {
    const { status, body } = await get('/api/openapi.json', {});
    expect(status).toBe(200);
    expect(await validate(structuredClone(body) as never)).toMatchObject({ valid: true });
    expect(Object.keys(body['paths'] as object)).toEqual([
      ...['/api/health', '/api/metrics/integration', '/api/network/status'],
      ...['/nodes/{id}/consciousness', '/nodes/{id}/state'],
    ]);
    const paths = body['paths'] as Record<string, Record<string, { responses?: object }>>;
    const statuses = Object.keys(paths['/nodes/{id}/consciousness']?.['post']?.responses ?? {});
    expect(statuses).toEqual(['200', '400', '401', '404', '413', '500', '503']);
    expect(body['components']).toMatchObject({
      securitySchemes: { key: { scheme: 'bearer' }, header: { in: 'header', name: 'X-Api-Key' } },
    });
  });
});

describe('what existing tools read', () => {
  it('is its health, without a key', async () => {
    const { status, body } = await get('/api/health', {});
    expect(status).toBe(200);
    expect(healthDocument.parse(body)).toMatchObject({ status: 'healthy' });
  });

  it('is the network and its numbers, once it has been measured', async () => {
    expect(await get('/api/metrics/integration')).toMatchObject({
      ...{ status: 404, body: { error: { code: 'NOT_FOUND', retryable: false } } },
    });
    const before = networkStatusDocument.parse((await get('/api/network/status')).body);
    expect(before).toMatchObject({ node_count: 13, active_nodes: 0, global_state: { system_health: 0 } });
    expect(before.nodes.map(({ node_id, fresh }) => ({ node_id, fresh }))).toEqual(
      Array.from({ length: 13 }, (_, index) => ({ node_id: `node_${index}`, fresh: false })),
    );
    await consciousness.register('dev_1', 'host', ['a', 'b']);
    await consciousness.clock.advance(1_000);
    await consciousness.measure('dev_1', { a: 1, b: 2 });
    await consciousness.clock.advance(1_000);
    const numbers = await until200('/api/metrics/integration');
    expect(integrationDocument.parse(numbers)).toMatchObject({
      ...{ phi: null, unit: 'bits', simulated: false, missing: expect.any(Array) },
    });
    const network = networkStatusDocument.parse((await get('/api/network/status')).body);
    expect(network).toMatchObject({ graph: 'metatron-cube', node_count: 13, active_nodes: 2 });
    expect(network.nodes[0]).toMatchObject({ node_id: 'node_0', source: 'DEVICE', fresh: true, validity: 1 });
    expect(network.global_state.system_health).toBeCloseTo(2 / 13, 4);
  });

  it('is not told without a key', async () => {
    for (const path of ['/api/metrics/integration', '/api/network/status']) {
      expect(await get(path, {})).toMatchObject({
        status: 401,
        body: { error: { code: 'UNAUTHENTICATED' } },
      });
      expect((await get(path, { 'x-api-key': 'bad' })).status).toBe(401);
    }
  });
});

async function until200(path: string): Promise<unknown> {
  let last = await get(path);
  await until(async () => {
    last = await get(path);
    return last.status === 200;
  });
  return last.body;
}

describe('a state of a node', () => {
  it('may bear a phase, whether it comes by HTTP or by the broker', async () => {
    const heard: unknown[] = [];
    const stop = await consciousness.bus.listen(
      { workspace, name: 'consciousness.states' },
      { onMessages: (messages) => heard.push(...messages), onLost: () => undefined },
    );
    expect((await post('/nodes/node_11/state', { value: 0.5, phase: 7 })).status).toBe(202);
    const topic = `aegis/${workspace}/nodes/node_11/state`;
    const payload = Buffer.from('{"value": 0.5, "phase": -7}');
    await topics.find(topic)?.handler({ workspace, topic, places: ['node_11'], payload });
    await until(() => heard.length === 2);
    stop();
    const phase = 7 - 2 * Math.PI;
    expect(heard).toMatchObject([
      { index: 11, value: 0.5, phase: expect.closeTo(phase, 10) },
      { index: 11, value: 0.5, phase: expect.closeTo(-phase, 10) },
    ]);
  });

  it.each(['"north"', '1e999', 'null'])('is refused with %s for a phase', async (phase) => {
    const { status, body } = await post('/nodes/node_11/state', `{"value": 1, "phase": ${phase}}`);
    expect([status, body]).toMatchObject([400, { error: { code: 'BAD_USER_INPUT' } }]);
  });
});

describe('a report of a node', () => {
  it('is answered once it is stored, with what came of the checks', async () => {
    const { status, body } = await post('/nodes/node_5/consciousness', report('node_5'));
    expect(status).toBe(200);
    expect(receiptDocument.parse(body)).toMatchObject({ valid: true, reputation: 1 });
    expect(await reportsOf(5)).toMatchObject([
      { id: body['report_id'], door: 'HTTP', valid: true, numbers: { level: 0.4, networkCoherence: 0.5 } },
    ]);
  });

  it('that cannot be true is stored and marked, and costs the node reputation, which recovers', async () => {
    const bad = await post('/nodes/nod_6/consciousness', report('node_6', { coherence: 1.5 }));
    expect(bad).toMatchObject({ status: 200, body: { valid: false } });
    expect(bad.body['reputation']).toBeCloseTo(0.7, 10);
    await consciousness.clock.advance(1_000);
    const good = await post('/nodes/6/consciousness', report('node_6'));
    expect(good.body['reputation']).toBeCloseTo(0.73, 2);
    const { data } = await consciousness.query(`{
      validationReport(nodeId: "nod_6") {
        rules { check } standings { index valid reputation node { id } }
        reports { edges { node { index door valid coherence checks { check outcome message } } } pageInfo { hasNextPage } }
      }
      bad: validationReport(valid: false) { reports { edges { node { index } } } }
    }`);
    expect(data).toMatchObject({
      validationReport: {
        standings: [{ index: 6, valid: true, node: { id: 'nod_6' } }],
        reports: {
          edges: [
            { node: { index: 6, door: 'HTTP', valid: true } },
            {
              node: {
                valid: false,
                coherence: 1.5,
                checks: [{ check: 'RANGE', outcome: 'FAILED' }, {}, {}, {}, {}],
              },
            },
          ],
          pageInfo: { hasNextPage: false },
        },
      },
      bad: { reports: { edges: [{ node: { index: 6 } }] } },
    });
    const facts = await database.inWorkspace(workspace).client.event.findMany({
      where: { subject: 'nod_6' },
      orderBy: { sequence: 'asc' },
    });
    expect(facts.map(({ type }) => type)).toEqual([
      'aegis.network.node.doubted',
      'aegis.network.node.trusted',
    ]);
  });

  it('is taken through the graph, with refusals that can be mended', async () => {
    const mutate = async (nodeId: string) =>
      (
        await consciousness.query(
          `mutation ($at: Float!) { reportNodeMetrics(input: {
            timestamp: $at, nodeId: "${nodeId}",
            consciousnessMetrics: { phi: 0.3, coherence: 0.5, stability: 0.8, divergence: 0.2, consciousnessLevel: 0.4 }
            globalState: { networkCoherence: 0.5, collectiveAwareness: 0.4, systemHealth: 1 }
          }) { report { index door valid level global { systemHealth } } userErrors { code path } } }`,
          { at: consciousness.clock.now().getTime() / 1_000 },
        )
      ).data?.['reportNodeMetrics'];
    expect(await mutate('nod_8')).toEqual({
      report: { index: 8, door: 'GRAPHQL', valid: true, level: 0.4, global: { systemHealth: 1 } },
      userErrors: [],
    });
    expect(await mutate('nod_13')).toEqual({
      ...{ report: null, userErrors: [{ code: 'NOT_FOUND', path: ['nodeId'] }] },
    });
  });

  it('is taken by the broker, for the node that the topic names', async () => {
    const send = async (topic: string, payload: unknown) => {
      const found = topics.find(topic);
      if (!found) throw new Error(`nobody takes ${topic}`);
      const { places, handler } = found;
      await handler({ workspace, topic, places, payload: Buffer.from(JSON.stringify(payload)) });
    };
    await send(`aegis/${workspace}/nodes/node_9/consciousness`, report('node_9'));
    expect(await reportsOf(9)).toMatchObject([{ door: 'MQTT', valid: true }]);
    await expect(
      send(`aegis/${workspace}/nodes/node_9/consciousness`, report('node_10')),
    ).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await send(`aegis/${workspace}/nodes/9/state`, { value: 0.5 });
    const nodes = await consciousness.query('{ node(id: "nod_9") { source } }');
    expect(nodes.data).toEqual({ node: { source: 'STATE' } });
  });

  it.each([
    ['another member', { ...report0(), extra: 1 }],
    ['no metrics', { ...report0(), consciousness_metrics: {} }],
    ['a text for a number', { ...report0(), timestamp: 'now' }],
  ])('with %s is refused, and not stored', async (_name, payload) => {
    const { status, body } = await post('/nodes/node_7/consciousness', payload);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code: 'BAD_USER_INPUT', retryable: false } });
    expect(await reportsOf(7)).toEqual([]);
  });

  it('is refused without a key, of another node, of no node, and when it is no JSON', async () => {
    expect((await post('/nodes/node_7/consciousness', report('node_7'), { authorization: '' })).status).toBe(
      401,
    );
    expect((await post('/nodes/node_7/consciousness', report('node_8'))).status).toBe(400);
    expect((await post('/nodes/node_99/consciousness', report('node_99'))).status).toBe(404);
    expect((await post('/nodes/node_7/consciousness', '{')).status).toBe(400);
    expect((await post('/nodes/node_7/consciousness', 'x'.repeat(20_000))).status).toBe(413);
    const plain = { ...KEY, 'content-type': 'text/plain' };
    expect((await post('/nodes/node_7/consciousness', '{}', plain)).status).toBe(400);
    expect(await reportsOf(7)).toEqual([]);
  });
});

/** Without the clock, which is not there yet when tests are listed. */
function report0() {
  return {
    ...{ timestamp: 1, node_id: 'node_7' },
    consciousness_metrics: {
      ...{ phi: 0, coherence: 0, stability: 0, divergence: 0, consciousness_level: 0 },
    },
    global_state: { network_coherence: 0, collective_awareness: 0, system_health: 0 },
  };
}

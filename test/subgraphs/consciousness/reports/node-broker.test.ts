import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { pino } from 'pino';
import type { Database } from '../../../../kernel/database/database.js';
import { createTopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import { createNodeBroker } from '../../../../subgraphs/consciousness/reports/node-broker.js';
import { settings, type ConsciousnessSettings } from '../../../../subgraphs/consciousness/config.js';
import { readSettings } from '../../../../kernel/config/settings.js';
import { describeWith } from '../../../support/describe-with.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { startMosquitto, type Mosquitto } from '../../../support/mosquitto.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';

it('is not opened where the process has a broker, nor where none is named', () => {
  const given = (env: Record<string, string>): ConsciousnessSettings =>
    readSettings(settings, { flags: {}, env });
  const deps = { workspaces: [], logger: pino({ level: 'silent' }) };
  const named = given({ AEGIS_MQTT_URL: 'mqtt://127.0.0.1:1' });
  expect(createNodeBroker({ ...deps, topics: createTopicRoutes() }, named)).toBeUndefined();
  expect(createNodeBroker({ ...deps, topics: undefined }, given({}))).toBeUndefined();
  expect(createNodeBroker({ ...deps, topics: undefined }, named)).toBeDefined();
});

describeWith({ programs: ['mosquitto'] }, 'what nodes send to a broker elsewhere', () => {
  const opened = createOpened();
  const workspace = newWorkspace();
  let database: Database;
  let mosquitto: Mosquitto;
  let consciousness: Consciousness;
  let sender: MqttClient;

  async function start(): Promise<void> {
    const settings = { mqttUrl: mosquitto.url, mqttVersion: '5' as const };
    consciousness = await startConsciousness({ database, workspace, settings });
    opened.keep(consciousness.subgraph);
  }

  beforeAll(async () => {
    database = opened.keep(await openTestDatabase());
    mosquitto = opened.keep(await startMosquitto());
    await start();
    sender = await connectAsync(mosquitto.url, { protocolVersion: 5, reconnectPeriod: 0 });
    opened.keep({ close: () => sender.endAsync(true) });
  }, OPEN_DEADLINE_MS);

  afterAll(opened.close);

  const send = (topic: string, payload: unknown) =>
    sender.publishAsync(`aegis/${workspace}/nodes/${topic}`, JSON.stringify(payload), { qos: 1 });

  const reportsOf = (nodeIndex: number) =>
    database.inWorkspace(workspace).client.nodeReport.findMany({ where: { nodeIndex } });

  function report(node: string) {
    return {
      timestamp: consciousness.clock.now().getTime() / 1_000,
      node_id: node,
      consciousness_metrics: {
        ...{ phi: 0.3, coherence: 0.5, stability: 0.8, divergence: 0.2, consciousness_level: 0.4 },
      },
      global_state: { network_coherence: 0.5, collective_awareness: 0.4, system_health: 1 },
    };
  }

  it('is reports, which are stored, and states, which become signals', async () => {
    expect(await consciousness.subgraph.health()).toEqual({ state: 'UP' });
    await send('node_3/consciousness', report('node_3'));
    await waitFor('the report is stored', async () => (await reportsOf(3)).length > 0);
    expect(await reportsOf(3)).toMatchObject([{ door: 'MQTT', valid: true }]);
    await send('4/state', { value: 0.5, phase: 1 });
    await waitFor('the state makes a signal', async () => {
      const { data } = await consciousness.query('{ node(id: "nod_4") { source } }');
      return (data?.['node'] as { source: string | null }).source === 'STATE';
    });
  });

  it('is refused with a reason on the rejected topic', async () => {
    const answers: unknown[] = [];
    sender.on('message', (_topic, payload) => answers.push(JSON.parse(payload.toString())));
    await sender.subscribeAsync(`aegis/${workspace}/nodes/+/+/rejected`, { qos: 1 });
    await send('node_5/consciousness', report('node_6'));
    await send('node_5/state', { value: 'high' });
    await send('node_5/state', { value: 1, timestamp: 5_000_000_000 });
    await send('node_5/state', { value: 1, timestamp: 5 });
    await waitFor('all are answered', () => answers.length === 4);
    expect(answers).toMatchObject([1, 2, 3, 4].map(() => ({ code: 'BAD_USER_INPUT' })));
    expect(JSON.stringify(answers)).toMatch(/at most 300 s ahead.*at most 10 s before/);
    expect(await reportsOf(5)).toEqual([]);
  });

  it('while the process is away is stored when it is back', async () => {
    await consciousness.subgraph.close();
    await send('node_7/consciousness', report('node_7'));
    await start();
    await waitFor('the report is stored', async () => (await reportsOf(7)).length > 0);
    expect(await reportsOf(7)).toHaveLength(1);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import type { AegisSystem } from '../support/aegis-system.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { connectDevice, publishTelemetry } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id name } userErrors { code message path } }
}`;

interface Registered {
  readonly registerDevice: {
    readonly device: { readonly id: string; readonly name: string } | null;
    readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
  };
}

interface ReadingEvent {
  readonly deviceReadings: {
    readonly cursor: string;
    readonly gap: boolean;
    readonly reading: { readonly value: number; readonly device: { readonly name: string } };
  };
}

const READINGS = `subscription ($ids: [ID!], $after: String) {
  deviceReadings(deviceIds: $ids, after: $after) { cursor gap reading { value device { name } } }
}`;

const SAMPLES = `subscription ($after: String) {
  consciousnessMetrics(after: $after) {
    cursor gap sample { coherence nodes { index coherence device { name latest { metric value } } } }
  }
}`;

interface SampleEvent {
  readonly consciousnessMetrics: {
    readonly cursor: string;
    readonly gap: boolean;
    readonly sample: {
      readonly coherence: number | null;
      readonly nodes: readonly {
        readonly index: number;
        readonly coherence: number | null;
        readonly device: {
          readonly name: string;
          readonly latest: readonly { readonly metric: string; readonly value: number }[];
        };
      }[];
    };
  };
}

/** What holds of every Aegis, however many processes it is: the same suite runs on one and on several. */
export function describeSystem(open: () => Promise<AegisSystem>): void {
  let system: AegisSystem;
  let graph: GraphClient;
  let broker: MqttClient;

  beforeAll(async () => {
    system = await open();
    graph = createGraphClient(system);
    broker = await connectDevice(system);
  }, 90_000);

  afterAll(async () => {
    await broker.endAsync(true);
    await system.close();
  }, 60_000);

  async function register(name: string, metrics = ['value']): Promise<string> {
    const input = { name, metrics: metrics.map((metric) => ({ name: metric, unit: '1' })) };
    const { registerDevice } = await graph.query<Registered>(REGISTER, { input });
    if (!registerDevice.device) throw new Error(JSON.stringify(registerDevice.userErrors));
    return registerDevice.device.id;
  }

  function ingest(device: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
    const authorization: Record<string, string> =
      system.apiKey === undefined ? {} : { authorization: `Bearer ${system.apiKey}` };
    return fetch(`${system.ingestUrl}/${device}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization, ...headers },
      body,
    });
  }

  describe('a reading', () => {
    it('is in the graph once its QoS 1 publish is acknowledged by Aegis, or soon after a broker did', async () => {
      await register('boiler', ['temperature']);
      await broker.publishAsync('aegis/default/boiler/telemetry', '{"temperature": 21.5}', { qos: 1 });
      const read = () =>
        graph.query<{ devices: { edges: readonly { node: { latest: readonly unknown[] } }[] } }>(
          '{ devices(filter: { name: "boiler" }) { edges { node { latest { metric value unit } nodes { index } } } } }',
        );
      if (!system.acknowledgesCommits) {
        await waitFor('the reading is there', async () => {
          const { devices } = await read();
          return devices.edges[0]?.node.latest.length === 1;
        });
      }
      const latest = [{ metric: 'temperature', value: 21.5, unit: '1' }];
      expect(await read()).toEqual({ devices: { edges: [{ node: { latest, nodes: [] } }] } });
    });

    it('is in the graph as soon as its POST is answered', async () => {
      const id = await register('meter');
      const ts = Date.now() - 1_000;
      const response = await ingest(
        id,
        JSON.stringify([
          { ts, values: { value: 1 } },
          { ts: ts + 1, values: { value: 2 } },
        ]),
      );
      expect([response.status, await response.json()]).toEqual([200, { accepted: 2, repeated: 0 }]);
      const data = await graph.query<unknown>(
        'query ($id: ID!, $from: DateTime!) { device(id: $id) { series(metric: "value", range: { from: $from }) { truncated points { value measuredAt } } } }',
        { id, from: new Date(ts).toISOString() },
      );
      expect(data).toEqual({
        device: {
          series: {
            truncated: false,
            points: [
              { value: 1, measuredAt: new Date(ts).toISOString() },
              { value: 2, measuredAt: new Date(ts + 1).toISOString() },
            ],
          },
        },
      });
    });

    it('reaches a subscriber who was cut off for five seconds once and in order', async () => {
      const id = await register('cut-off');
      const load = publishTelemetry({
        client: broker,
        device: 'cut-off',
        metric: 'value',
        ratePerSecond: 200,
        firstAt: Date.now() - 60_000,
      });
      const first = graph.subscribe<ReadingEvent>(READINGS, { ids: [id] });
      const values: number[] = [];
      let after = '';
      for await (const { deviceReadings } of first) {
        values.push(deviceReadings.reading.value);
        after = deviceReadings.cursor;
        if (values.length === 150) first.cut();
        if (values.length === 150) break;
      }
      const cutAt = load.sent();
      await waitFor('five seconds of readings are missed', () => load.sent() >= cutAt + 1_000, {
        deadlineMs: 30_000,
      });
      const second = graph.subscribe<ReadingEvent>(READINGS, { ids: [id], after });
      let gaps = 0;
      let lastWanted = Number.POSITIVE_INFINITY;
      for await (const { deviceReadings } of second) {
        values.push(deviceReadings.reading.value);
        if (deviceReadings.gap) gaps += 1;
        if (values.length === 1_500) {
          await load.finish();
          lastWanted = load.sent() - 1;
        }
        if (deviceReadings.reading.value >= lastWanted) break;
      }
      const begin = values[0] ?? 0;
      expect(values).toEqual(Array.from({ length: load.sent() - begin }, (_, index) => begin + index));
      expect(gaps).toBe(0);
    }, 60_000);
  });

  describe('the network', () => {
    it('samples the signals of the device named host, with the devices’ fields in each event', async () => {
      const metrics = Array.from({ length: 13 }, (_, index) => `signal.${index}`);
      const id = await register('host', metrics);
      let tick = 0;
      const publishing = setInterval(() => {
        tick += 1;
        const values = Object.fromEntries(
          metrics.map((metric, index) => [metric, (index + 1) * Math.sin(tick / 3)]),
        );
        broker.publish('aegis/default/host/telemetry', JSON.stringify(values), { qos: 1 });
      }, 100);
      try {
        const events = graph.subscribe<SampleEvent>(SAMPLES);
        const seen: SampleEvent['consciousnessMetrics'][] = [];
        for await (const { consciousnessMetrics } of events) {
          seen.push(consciousnessMetrics);
          if (consciousnessMetrics.sample.coherence !== null) break;
        }
        const { sample } = seen.at(-1) ?? { sample: { coherence: null, nodes: [] } };
        // All signals are one sine at different amplitudes: they are in phase.
        expect(sample.coherence).toBeGreaterThan(0.99);
        expect(sample.nodes.map(({ index }) => index)).toEqual(metrics.map((_, index) => index));
        expect(
          sample.nodes.every(({ device }) => device.name === 'host' && device.latest.length === 13),
        ).toBe(true);
        expect(new Set(seen.map(({ cursor }) => cursor)).size).toBe(seen.length);

        const again = graph.subscribe<SampleEvent>(SAMPLES, { after: seen[0]?.cursor });
        for (const missed of seen.slice(1)) {
          const { value } = (await again.next()) as { value: SampleEvent };
          expect(value.consciousnessMetrics.cursor).toBe(missed.cursor);
        }
        await again.return?.();

        const data = await graph.query<{ nodes: readonly { device: { id: string; name: string } }[] }>(
          '{ nodes { index metric coherence device { id name nodes { index } } } networkState { coherence nodeCount reportingCount } }',
        );
        expect(data.nodes).toHaveLength(13);
        expect(data.nodes[0]?.device).toMatchObject({ id, name: 'host' });
      } finally {
        clearInterval(publishing);
      }
    }, 60_000);

    it('lets go of a device’s signals when it is removed', async () => {
      const { devices } = await graph.query<{ devices: { edges: readonly { node: { id: string } }[] } }>(
        '{ devices(filter: { name: "host" }) { edges { node { id } } } }',
      );
      const id = devices.edges[0]?.node.id;
      const { removeDevice } = await graph.query<{ removeDevice: unknown }>(
        'mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId userErrors { code } } }',
        { id },
      );
      expect(removeDevice).toEqual({ deviceId: id, userErrors: [] });
      await waitFor('no node has a signal', async () => {
        const { nodes } = await graph.query<{ nodes: readonly { metric: string | null }[] }>(
          '{ nodes { metric } }',
        );
        return nodes.every(({ metric }) => metric === null);
      });
    });
  });

  describe('what nodes send', () => {
    it('over MQTT is stored as a report, and becomes a signal as a state', async () => {
      const at = Date.now();
      const report = {
        ...{ timestamp: at / 1_000, node_id: 'node_6' },
        consciousness_metrics: {
          ...{ phi: 0.3, coherence: 0.5, stability: 0.8, divergence: 0.2, consciousness_level: 0.4 },
        },
        global_state: { network_coherence: 0.5, collective_awareness: 0.4, system_health: 1 },
      };
      const topic = 'aegis/default/nodes/node_6';
      await broker.publishAsync(`${topic}/consciousness`, JSON.stringify(report), { qos: 1 });
      const read = async () => {
        const { validationReport } = await graph.query<{
          validationReport: { reports: { edges: readonly { node: unknown }[] } };
        }>('{ validationReport(nodeId: "nod_6") { reports { edges { node { door reportedAt } } } } }');
        return validationReport.reports.edges;
      };
      await waitFor('the report is there', async () => (await read()).length > 0);
      expect(await read()).toEqual([{ node: { door: 'MQTT', reportedAt: new Date(at).toISOString() } }]);
      await broker.publishAsync(`${topic}/state`, '{"value": 1, "phase": 0.5}', { qos: 1 });
      await waitFor('the state is the signal of its node', async () => {
        const { node } = await graph.query<{ node: { source: string | null } }>(
          '{ node(id: "nod_6") { source } }',
        );
        return node.source === 'STATE';
      });
    });
  });

  describe('what existing tools ask by REST', () => {
    async function ask(path: string, init: RequestInit & { readonly key?: string | undefined } = {}) {
      const { key = system.apiKey, ...rest } = init;
      const headers: Record<string, string> = {
        ...(rest.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'x-api-key': key }),
      };
      const response = await fetch(`${system.url}${path}`, { ...rest, headers });
      return { status: response.status, body: await response.json().catch(() => null) };
    }

    it('is answered at the one address, the health and the description to everybody', async () => {
      expect(await ask('/api/network/status')).toMatchObject({ status: 200, body: { node_count: 13 } });
      expect(await ask('/api/health', { key: '' })).toMatchObject({
        status: 200,
        body: { status: 'healthy' },
      });
      expect(await ask('/api/openapi.json', { key: '' })).toMatchObject({
        status: 200,
        body: { openapi: '3.1.1' },
      });
      await waitFor('the network has been measured', async () => {
        const { status } = await ask('/api/metrics/integration');
        return status === 200;
      });
      expect(await ask('/api/metrics/integration')).toMatchObject({ status: 200, body: { unit: 'bits' } });
    });

    it('takes what nodes send', async () => {
      const sent = await ask('/nodes/node_7/state', { method: 'POST', body: '{"value": 1}' });
      expect(sent.status).toBe(202);
      expect(await ask('/nodes/node_7/state', { method: 'POST', body: '{"value": "1"}' })).toMatchObject({
        ...{ status: 400, body: { error: { code: 'BAD_USER_INPUT', retryable: false } } },
      });
    });

    it('tells of no workspace to whom nobody knows', async () => {
      if (system.apiKey === undefined) return;
      for (const path of ['/api/network/status', '/api/metrics/integration']) {
        expect(await ask(path, { key: 'another-key-of-24-characters' })).toMatchObject({
          ...{ status: 401, body: { error: { code: 'UNAUTHENTICATED' } } },
        });
      }
    });
  });

  describe('bad input', () => {
    async function post(body: string, headers: Record<string, string> = {}) {
      const authorization: Record<string, string> =
        system.apiKey === undefined ? {} : { authorization: `Bearer ${system.apiKey}` };
      const response = await fetch(`${system.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization, ...headers },
        body,
      });
      const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
      return [response.status, errors[0]?.extensions.code];
    }

    it.each([
      ['malformed JSON', '{"query": ', 400, 'BAD_USER_INPUT'],
      ['an unknown field', JSON.stringify({ query: '{ nothing }' }), 400, 'GRAPHQL_VALIDATION_FAILED'],
      ['a syntax error', JSON.stringify({ query: '{' }), 400, 'GRAPHQL_PARSE_FAILED'],
      [
        'a body of 10 MB',
        JSON.stringify({ query: `{ __typename } #${'x'.repeat(10_000_000)}` }),
        413,
        'PAYLOAD_TOO_LARGE',
      ],
    ])('%s over HTTP gets a coded answer', async (_what, body, status, code) => {
      expect(await post(body)).toEqual([status, code]);
    });

    it.each([
      ['no JSON', 'bad', 'twenty-one', 400, 'BAD_USER_INPUT'],
      ['NaN', 'bad', '{"value": NaN}', 400, 'BAD_USER_INPUT'],
      ['a text for a number', 'bad', '{"value": "21"}', 400, 'BAD_USER_INPUT'],
      ['an undeclared metric', 'bad', '{"other": 21}', 400, 'BAD_USER_INPUT'],
      ['a time in 1970', 'bad', '{"ts": 1000, "values": {"value": 1}}', 400, 'BAD_USER_INPUT'],
      [
        'a time next year',
        'bad',
        `{"ts": ${Date.now() + 366 * 86_400_000}, "values": {"value": 1}}`,
        400,
        'BAD_USER_INPUT',
      ],
      ['an unknown device', 'nobody', '{"value": 1}', 404, 'NOT_FOUND'],
      ['a body of 10 MB', 'bad', `{"value": ${'1'.repeat(10_000_000)}}`, 413, 'PAYLOAD_TOO_LARGE'],
    ])(
      'telemetry with %s gets a coded answer and stores nothing',
      async (_what, device, body, status, code) => {
        await graph.send(REGISTER, { input: { name: 'bad', metrics: [{ name: 'value', unit: '1' }] } });
        const response = await ingest(device, body);
        const { error } = (await response.json()) as { error: { code: string } };
        expect([response.status, error.code]).toEqual([status, code]);
        const data = await graph.query<{ devices: { edges: readonly { node: { latest: unknown[] } }[] } }>(
          '{ devices(filter: { name: "bad" }) { edges { node { latest { value } } } } }',
        );
        expect(data.devices.edges[0]?.node.latest).toEqual([]);
      },
    );

    it('telemetry over MQTT that is refused is answered on the device’s rejected topic, and the connection stays', async () => {
      await graph.send(REGISTER, { input: { name: 'bad', metrics: [{ name: 'value', unit: '1' }] } });
      await broker.subscribeAsync('aegis/default/bad/telemetry/rejected', { qos: 1 });
      const answer = new Promise<unknown>((resolve) => {
        broker.once('message', (_topic, payload) => {
          resolve(JSON.parse(payload.toString()));
        });
      });
      await broker.publishAsync('aegis/default/bad/telemetry', 'twenty-one', { qos: 1 });
      expect(await answer).toMatchObject({ code: 'BAD_USER_INPUT' });
      expect(broker.connected).toBe(true);
    });

    it('a wrong cursor ends its subscription only, with a code', async () => {
      const error = await graph
        .subscribe(READINGS, { after: 'nonsense' })
        .next()
        .catch((reason: unknown) => reason);
      const text = error instanceof Error ? error.message : JSON.stringify(error);
      expect(text).toContain('BAD_USER_INPUT');
    });

    it('a second device of the same name is refused as a user error', async () => {
      await register('twice');
      const { registerDevice } = await graph.query<Registered>(REGISTER, {
        input: { name: 'twice', metrics: [{ name: 'value', unit: '1' }] },
      });
      expect(registerDevice).toMatchObject({
        device: null,
        userErrors: [{ code: 'CONFLICT', path: ['name'] }],
      });
    });
  });
}

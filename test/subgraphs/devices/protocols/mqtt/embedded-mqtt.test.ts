import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connect, type MqttClient } from 'mqtt';
import type { Database } from '../../../../../kernel/database/database.js';
import { AegisError } from '../../../../../kernel/errors/aegis-error.js';
import { createEmbeddedMqtt } from '../../../../../subgraphs/devices/protocols/mqtt/embedded-mqtt.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { holdDatabase } from '../../support/hold-database.js';
import { connectMqtt, firstOf, gather } from '../../support/mqtt.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { createTelemetryDeps } from '../../support/telemetry-deps.js';
import { newWorkspace, openDevices, type TestDevices } from '../../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let deviceId: string;
const clients: MqttClient[] = [];

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  deviceId = await devices.register('sensor', ['temperature', 'humidity']);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  await openedByTest.close();
});

async function open(options: Parameters<typeof connectMqtt>[1] = {}): Promise<MqttClient> {
  const client = await connectMqtt(devices.mqttUrl, options);
  clients.push(client);
  return client;
}

const topicOf = (device: string, workspace: string = devices.workspace) =>
  `aegis/${workspace}/${device}/telemetry`;

function storedValues(): Promise<number[]> {
  const { client } = database.inWorkspace(devices.workspace);
  return client.reading
    .findMany({ orderBy: { sequence: 'asc' }, select: { value: true } })
    .then((rows) => rows.map(({ value }) => value));
}

async function refusedCount(code: string): Promise<number> {
  const metric = await devices.metrics.getSingleMetric('aegis_devices_telemetry_refused_total')?.get();
  return metric?.values.find(({ labels }) => labels['code'] === code)?.value ?? 0;
}

describe('telemetry over the embedded broker', () => {
  it.each([0, 1, 2] as const)('stores what is published with QoS %i, by id and by name', async (qos) => {
    const client = await open();
    await client.publishAsync(topicOf(deviceId), '{"temperature": 20, "humidity": 50}', { qos });
    await client.publishAsync(topicOf('sensor'), '[{"temperature": 21}, {"temperature": 22}]', { qos });
    await waitFor('all are stored', async () => (await storedValues()).length === 4);
    expect(await storedValues()).toEqual([20, 50, 21, 22]);
  });

  it('acknowledges a QoS 1 publish only after its reading is committed', async () => {
    const client = await open();
    // Known from here on, so that nothing but the commit needs the database.
    await client.publishAsync(topicOf('sensor'), '{"temperature": 1}', { qos: 1 });
    const release = await holdDatabase(database, devices.workspace);
    const acknowledged: number[] = [];
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') acknowledged.push(packet.messageId ?? 0);
    });
    const published = client.publishAsync(topicOf('sensor'), '{"temperature": 2}', { qos: 1 });
    const queued = devices.metrics.getSingleMetric('aegis_devices_readings_queued');
    await waitFor('the reading awaits its commit', async () => (await queued?.get())?.values[0]?.value === 1);
    // The broker does answer meanwhile: an acknowledgement would have come before this.
    const other = await open();
    await other.subscribeAsync(topicOf('sensor'));
    expect(acknowledged).toEqual([]);
    await release();
    await published;
    expect(acknowledged).toHaveLength(1);
    expect(await storedValues()).toEqual([1, 2]);
  });

  it('keeps every one of many readings without a time', async () => {
    const client = await open();
    await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        client.publishAsync(topicOf('sensor'), `{"temperature": ${index}}`, { qos: 1 }),
      ),
    );
    expect((await storedValues()).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 500 }, (_, index) => index),
    );
  });

  it.each<[string, string, string]>([
    ['what is no JSON', 'temperature=1', 'BAD_USER_INPUT'],
    ['an undeclared metric', '{"temperature": 1, "pressure": 2}', 'BAD_USER_INPUT'],
    ['a time in 1970', '{"ts": 1, "values": {"temperature": 1}}', 'BAD_USER_INPUT'],
  ])(
    'acknowledges %s but answers on the rejected topic, and stores nothing of it',
    async (_what, payload, code) => {
      const client = await open();
      const received = await gather(client, `aegis/${devices.workspace}/sensor/telemetry/rejected`);
      await client.publishAsync(topicOf('sensor'), payload, { qos: 1 });
      const { topic, payload: rejection } = await firstOf(received);
      expect(topic).toBe(`${topicOf('sensor')}/rejected`);
      expect(rejection).toMatchObject({ code, payload });
      expect(await storedValues()).toEqual([]);
      expect(await refusedCount(code)).toBe(1);
    },
  );

  it('acknowledges another value for an instant that has one but answers on the rejected topic', async () => {
    const client = await open();
    const received = await gather(client, `aegis/${devices.workspace}/sensor/telemetry/rejected`);
    const publish = (values: object) =>
      client.publishAsync(topicOf('sensor'), JSON.stringify({ ts: '2026-01-31T12:00:00Z', values }), {
        qos: 1,
      });
    await publish({ temperature: 1 });
    await publish({ temperature: 2, humidity: 3 });
    expect((await firstOf(received)).payload).toMatchObject({ code: 'CONFLICT' });
    await publish({ temperature: 1, humidity: 4 });
    expect(await storedValues()).toEqual([1, 4]);
    expect(await refusedCount('CONFLICT')).toBe(1);
  });

  it('answers for an unknown device, and takes its readings as soon as it is registered', async () => {
    const client = await open();
    const received = await gather(client, `aegis/${devices.workspace}/+/telemetry/rejected`);
    await client.publishAsync(topicOf('newcomer'), '{"temperature": 1}', { qos: 1 });
    expect((await firstOf(received)).payload).toMatchObject({ code: 'NOT_FOUND' });
    await devices.register('newcomer');
    await client.publishAsync(topicOf('newcomer'), '{"temperature": 2}', { qos: 1 });
    expect(await storedValues()).toEqual([2]);
  });

  it('hands telemetry on to clients that subscribe within their workspace, but nothing that was refused', async () => {
    const client = await open();
    const received = await gather(client, `aegis/${devices.workspace}/+/telemetry`);
    await client.publishAsync(topicOf('sensor'), '{"temperature": "hot"}', { qos: 1 });
    await client.publishAsync(topicOf('sensor'), '{"temperature": 1}', { qos: 1 });
    expect(await firstOf(received)).toEqual({ topic: topicOf('sensor'), payload: { temperature: 1 } });
  });

  it.each(['#', 'aegis/#', 'aegis/+/sensor/telemetry', '$SYS/#', 'other/topic'])(
    'refuses a subscription to %s',
    async (filter) => {
      const client = await open();
      await expect(client.subscribeAsync(filter)).rejects.toThrow();
    },
  );

  it.each(['aegis/elsewhere/sensor/telemetry', 'aegis/x', 'plain/topic', '$SYS/x'])(
    'refuses a publish on %s quietly and stays connected',
    async (topic) => {
      const client = await open();
      await client.publishAsync(topic, '{"temperature": 1}', { qos: 1, retain: true });
      await client.publishAsync(topicOf('sensor'), '{"temperature": 2}', { qos: 1 });
      expect(await storedValues()).toEqual([2]);
    },
  );

  it('keeps no session, so that nothing queues up for a client that is away', async () => {
    const first = await open({ clean: false, clientId: 'away' });
    await first.subscribeAsync(`aegis/${devices.workspace}/#`, { qos: 1 });
    await first.endAsync();
    const again = connect(devices.mqttUrl, { clean: false, clientId: 'away', reconnectPeriod: 0 });
    clients.push(again);
    const connack = await new Promise((resolve) => {
      again.once('connect', resolve);
    });
    expect(connack).toMatchObject({ sessionPresent: false });
  });

  it('answers a payload that is too large, and ends a connection that announces an enormous packet', async () => {
    await devices.close();
    devices = openedByTest.keep(
      await openDevices({
        database,
        workspace: devices.workspace,
        env: { AEGIS_MAX_PAYLOAD_BYTES: '1024' },
      }),
    );
    const client = await open();
    const received = await gather(client, `${topicOf('sensor')}/rejected`);
    await client.publishAsync(topicOf('sensor'), Buffer.alloc(2_000, ' '), { qos: 1 });
    expect((await firstOf(received)).payload).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    const closed = new Promise<void>((resolve) => {
      client.once('close', resolve);
    });
    client.publish(topicOf('sensor'), Buffer.alloc(10_000_000, ' '), { qos: 1 });
    await closed;
    expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
  });

  it('survives bytes that are no MQTT', async () => {
    const { port, hostname } = new URL(devices.mqttUrl);
    const socket = connectTcp(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.end('GET / HTTP/1.1\r\n\r\n');
    await once(socket, 'close');
    const client = await open();
    await client.publishAsync(topicOf('sensor'), '{"temperature": 1}', { qos: 1 });
    expect(await storedValues()).toEqual([1]);
  });

  it('commits and acknowledges what it has taken before it closes', async () => {
    const client = await open();
    await client.publishAsync(topicOf('sensor'), '{"temperature": 1}', { qos: 1 });
    const release = await holdDatabase(database, devices.workspace);
    const published = client.publishAsync(topicOf('sensor'), '{"temperature": 2}', { qos: 1 });
    const queued = devices.metrics.getSingleMetric('aegis_devices_readings_queued');
    await waitFor('the reading awaits its commit', async () => (await queued?.get())?.values[0]?.value === 1);
    const closed = devices.close();
    await release();
    await published;
    await closed;
    expect(await storedValues()).toEqual([1, 2]);
  });

  it('ends the connection without an acknowledgement when a reading could not be stored', async () => {
    const broker = createEmbeddedMqtt({
      ...createTelemetryDeps(devices.workspace, () =>
        Promise.reject(new AegisError('UNAVAILABLE', 'not now')),
      ),
      ...{ host: '127.0.0.1', port: 0, maxConnections: 10, maxPayloadBytes: 1_000, hostId: 'aegis' },
    });
    await broker.start();
    const client = await connectMqtt(broker.url() ?? '');
    clients.push(client);
    let acknowledged = false;
    client.on('packetreceive', ({ cmd }) => {
      acknowledged ||= cmd === 'puback';
    });
    const closed = new Promise<void>((resolve) => {
      client.once('close', resolve);
    });
    client.publish(topicOf('sensor'), '{"temperature": 1}', { qos: 1 }, () => undefined);
    await closed;
    expect(acknowledged).toBe(false);
    await broker.close();
  });

  it('says which port is taken', async () => {
    const { port } = new URL(devices.mqttUrl);
    await expect(openDevices({ database, env: { AEGIS_MQTT_PORT: port } })).rejects.toThrow(
      new RegExp(`cannot listen on 127.0.0.1:${port}: another program does.*--mqtt-port`),
    );
  });
});

describe('who may use the embedded broker', () => {
  beforeEach(async () => {
    await devices.close();
    const { workspace } = devices;
    const principals = new Map([
      ['good', { subject: 'device', workspace, roles: [] }],
      ['foreign', { subject: 'device', workspace: newWorkspace(), roles: [] }],
    ]);
    devices = openedByTest.keep(
      await openDevices({
        database,
        workspace,
        identify: ({ token }) => principals.get(token ?? ''),
      }),
    );
  });

  it.each([undefined, 'bad'])('refuses the password %s', async (password) => {
    const credentials = password === undefined ? {} : { username: 'token', password };
    await expect(open(credentials)).rejects.toMatchObject({ code: 5 });
  });

  it('lets a client with a good key in', async () => {
    const client = await open({ username: 'token', password: 'good' });
    await client.publishAsync(topicOf('sensor'), '{"temperature": 1}', { qos: 1 });
    expect(await storedValues()).toEqual([1]);
  });

  it("keeps a client out of other workspaces than its key's", async () => {
    const client = await open({ username: 'token', password: 'foreign' });
    await client.publishAsync(topicOf('sensor'), '{"temperature": 1}', { qos: 1 });
    await expect(client.subscribeAsync(`aegis/${devices.workspace}/#`)).rejects.toThrow();
    expect(await storedValues()).toEqual([]);
  });
});

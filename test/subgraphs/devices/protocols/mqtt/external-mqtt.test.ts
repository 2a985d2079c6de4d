import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { connect, type MqttClient } from 'mqtt';
import type { Database } from '../../../../../kernel/database/database.js';
import { AegisError } from '../../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../../kernel/identity/principal.js';
import { createExternalMqtt } from '../../../../../subgraphs/devices/protocols/mqtt/external-mqtt.js';
import { describeWith } from '../../../../support/describe-with.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { findFreePort } from '../../../../support/free-port.js';
import { startMosquitto, type Mosquitto } from '../../../../support/mosquitto.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { hearStates } from '../../support/host-states.js';
import { connectMqtt, firstOf, gather } from '../../support/mqtt.js';
import { createTelemetryDeps } from '../../support/telemetry-deps.js';
import { newWorkspace, openDevices, type TestDevices } from '../../support/open-devices.js';

describeWith({ programs: ['mosquitto'] }, 'telemetry from a Mosquitto', () => {
  const opened = createOpened();
  const openedByTest = createOpened();
  let database: Database;
  let mosquitto: Mosquitto;
  let devices: TestDevices;
  let sender: MqttClient;
  let workspace: WorkspaceId;

  beforeAll(async () => {
    database = opened.keep(await openTestDatabase());
  }, OPEN_DEADLINE_MS);
  afterAll(opened.close);
  beforeEach(async () => {
    mosquitto = openedByTest.keep(await startMosquitto());
    workspace = newWorkspace();
    devices = openedByTest.keep(
      await openDevices({ database, workspace, env: { AEGIS_MQTT_URL: mosquitto.url } }),
    );
    await devices.register('sensor');
    sender = await connectMqtt(mosquitto.url);
    openedByTest.keep({ close: () => sender.endAsync(true) });
  });
  afterEach(openedByTest.close);

  const topic = () => `aegis/${workspace}/sensor/telemetry`;
  const send = (value: number) => sender.publishAsync(topic(), `{"temperature": ${value}}`, { qos: 1 });
  const storedValues = async () => {
    const rows = await database.inWorkspace(workspace).client.reading.findMany({ orderBy: { value: 'asc' } });
    return rows.map(({ value }) => value);
  };
  const waitForStored = (values: readonly number[]) =>
    waitFor('all is stored', async () => (await storedValues()).length >= values.length);

  it('stores what is published there, many messages at a time over one connection', async () => {
    const values = Array.from({ length: 3_000 }, (_, index) => index);
    await Promise.all(values.map(send));
    await waitForStored(values);
    expect(await storedValues()).toEqual(values);
    const commits = await devices.metrics.getSingleMetric('aegis_devices_commit_readings')?.get();
    const count = commits?.values.find(
      (one) => 'metricName' in one && one.metricName === 'aegis_devices_commit_readings_count',
    );
    expect(count?.value).toBeLessThan(1_000);
  });

  it.each([1, 10])(
    'takes no more than %i messages at once when it may not, and stores all of them',
    async (inFlight) => {
      await devices.close();
      devices = openedByTest.keep(
        await openDevices({
          database,
          workspace,
          env: { AEGIS_MQTT_URL: mosquitto.url, AEGIS_MQTT_IN_FLIGHT: String(inFlight) },
        }),
      );
      const values = Array.from({ length: 200 }, (_, index) => index);
      await Promise.all(values.map(send));
      await waitForStored(values);
      const rows = await devices.metrics.getSingleMetric('aegis_devices_commit_readings')?.get();
      const within = rows?.values.find(({ labels }) => labels['le'] === inFlight)?.value;
      const all = rows?.values.find(({ labels }) => labels['le'] === '+Inf')?.value;
      expect(within).toBe(all);
    },
  );

  it('answers refused telemetry on the rejected topic, and does not ask for it again', async () => {
    const received = await gather(sender, `${topic()}/rejected`);
    await sender.publishAsync(topic(), '{"temperature": "hot"}', { qos: 1 });
    expect((await firstOf(received)).payload).toMatchObject({
      code: 'BAD_USER_INPUT',
      payload: '{"temperature": "hot"}',
    });
    await send(1);
    await waitForStored([1]);
    expect(received).toHaveLength(1);
  });

  it('has the broker drop a question once nobody waits for its answer', async () => {
    const device = await connectMqtt(mosquitto.url, { protocolVersion: 5 });
    openedByTest.keep({ close: () => device.endAsync(true) });
    const expiries: (number | undefined)[] = [];
    device.on('message', (_topic, _payload, { properties }) =>
      expiries.push(properties?.messageExpiryInterval),
    );
    await device.subscribeAsync(`aegis/${workspace}/sensor/reads`, { qos: 1 });
    await send(1);
    await waitForStored([1]);
    const READ = `{ devices(first: 1) { edges { node {
      reading(metric: "temperature", source: LIVE, timeoutMs: 1500) { value } } } } }`;
    const { errors } = await devices.run(READ);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(expiries).toEqual([2]);
  });

  it('tells edge nodes of Sparkplug that their host is there, by its name, and that it goes', async () => {
    await devices.close();
    const env = { AEGIS_MQTT_URL: mosquitto.url, AEGIS_SPARKPLUG_HOST_ID: 'plant' };
    const edge = openedByTest.keep(await hearStates(mosquitto.url, 'plant'));
    devices = openedByTest.keep(await openDevices({ database, workspace, env }));
    await waitFor('it is there', () => edge.states.length === 1);
    await devices.close();
    await waitFor('it is gone', () => edge.states.length === 2);
    expect(edge.states.map(({ online }) => online)).toEqual([true, false]);
  });

  it('receives after its return what was published while it was away', async () => {
    await devices.close();
    await Promise.all([1, 2, 3].map(send));
    devices = openedByTest.keep(
      await openDevices({ database, workspace, env: { AEGIS_MQTT_URL: mosquitto.url } }),
    );
    await waitForStored([1, 2, 3]);
    expect(await storedValues()).toEqual([1, 2, 3]);
  });

  it('acknowledges nothing that is not committed: what was under way at the close is delivered again', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await send(0);
    await waitForStored([0]);
    const holding = database.inWorkspace(workspace).transaction(async ({ client }) => {
      await client.$queryRaw`SELECT 1`;
      await held;
    });
    // Mosquitto acknowledges these to their sender; ours is the acknowledgement to Mosquitto.
    await Promise.all([1, 2, 3].map(send));
    const queued = devices.metrics.getSingleMetric('aegis_devices_readings_queued');
    await waitFor('they await their commit', async () => (await queued?.get())?.values[0]?.value === 3);
    // Another client takes over the session, and so receives what has not been acknowledged in it.
    const rival = connect(mosquitto.url, {
      ...{ clientId: 'aegis-devices', clean: false, protocolVersion: 5, reconnectPeriod: 0 },
      properties: { sessionExpiryInterval: 600 },
    });
    const redelivered: string[] = [];
    rival.on('message', (_topic, payload) => redelivered.push(payload.toString()));
    rival.handleMessage = (_packet, done) => {
      done(new Error('not acknowledged'));
    };
    await waitFor('they are delivered again', () => redelivered.length >= 3);
    rival.end(true);
    release();
    await holding;
    await waitFor('it is connected again', async () => (await devices.subgraph.health()).state === 'UP', {
      deadlineMs: 10_000,
    });
    await waitFor('all is stored', async () => new Set(await storedValues()).size === 4);
  });

  it('starts without the broker, says so, and connects once it is there', async () => {
    await devices.close();
    const port = await findFreePort();
    devices = openedByTest.keep(
      await openDevices({ database, workspace, env: { AEGIS_MQTT_URL: `mqtt://127.0.0.1:${port}` } }),
    );
    expect(await devices.subgraph.health()).toMatchObject({
      state: 'DOWN',
      reason: expect.stringMatching(/ECONNREFUSED/),
    });
    const stopForwarding = await forward(port, Number(new URL(mosquitto.url).port));
    await waitFor('it is up', async () => (await devices.subgraph.health()).state === 'UP', {
      deadlineMs: 20_000,
    });
    await send(1);
    await waitForStored([1]);
    await stopForwarding();
  });

  it('has a message delivered again that could not be stored', async () => {
    const outcomes = ['UNAVAILABLE', 'stored'];
    const attempts: string[] = [];
    const protocol = createExternalMqtt({
      ...createTelemetryDeps(workspace, ({ payload }) => {
        attempts.push(Buffer.from(payload).toString());
        if (outcomes.shift() === 'stored') return Promise.resolve({ accepted: 1, repeated: 0 });
        return Promise.reject(new AegisError('UNAVAILABLE', 'not now'));
      }),
      ...{
        url: mosquitto.url,
        clientId: 'aegis-devices',
        inFlight: 10,
        version: '5',
        tls: {},
        silentMs: 60_000,
        hostId: 'aegis',
      },
    });
    await devices.close();
    try {
      await protocol.start();
      await send(7);
      await waitFor('it comes again', () => attempts.length === 2);
    } finally {
      await protocol.close();
    }
    expect(attempts).toEqual(['{"temperature": 7}', '{"temperature": 7}']);
  });

  it('is down while the broker is away', async () => {
    expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
    await mosquitto.close();
    await waitFor('it is down', async () => (await devices.subgraph.health()).state === 'DOWN');
  });
});

/** Passes what arrives at one port of this machine on to another; the returned function ends it. */
async function forward(from: number, to: number): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connectTcp(to, '127.0.0.1');
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(from, '127.0.0.1', resolve);
  });
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
}

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import type { Database } from '../../../../../kernel/database/database.js';
import { decodeSparkplug } from '../../../../../subgraphs/devices/codecs/sparkplug/decode-sparkplug.js';
import { encodeSparkplug } from '../../../../../subgraphs/devices/codecs/sparkplug/encode-sparkplug.js';
import {
  DATATYPES,
  type SparkplugMetric,
  type SparkplugPayload,
} from '../../../../../subgraphs/devices/codecs/sparkplug/sparkplug-payload.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { hearStates } from '../../support/host-states.js';
import { createCredential } from '../../support/identity.js';
import { connectMqtt } from '../../support/mqtt.js';
import { openDevices, type TestDevices } from '../../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let node: MqttClient;
let nodeId: string;
let deviceId: string;
const told: { readonly topic: string; readonly payload: SparkplugPayload }[] = [];

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  told.splice(0);
  devices = openedByTest.keep(await openDevices({ database }));
  nodeId = await devices.register('edge1', ['temperature']);
  deviceId = await devices.register('edge1.pump', ['pressure', 'speed']);
  node = await openNode(1);
});
afterEach(openedByTest.close);

/** Connects an edge node as Sparkplug wants it: its death is its will. */
async function openNode(bdSeq: number): Promise<MqttClient> {
  const client = await connectMqtt(devices.mqttUrl, {
    clientId: 'edge1',
    will: { topic: topic('NDEATH/edge1'), payload: encode([bdSeqMetric(bdSeq)]), qos: 1, retain: false },
  });
  openedByTest.keep({ close: () => client.endAsync(true) });
  client.on('message', (name, payload) => told.push({ topic: name, payload: decodeSparkplug(payload) }));
  await client.subscribeAsync(topic('NCMD/edge1/#'), { qos: 1 });
  await client.subscribeAsync(topic('DCMD/edge1/#'), { qos: 1 });
  return client;
}

const topic = (rest: string) => `spBv1.0/${devices.workspace}/${rest}`;
const bdSeqMetric = (value: number): SparkplugMetric => ({
  ...{ name: 'bdSeq', datatype: DATATYPES.Int64, value: { kind: 'LONG', value: BigInt(value) } },
});
const double = (value: number, rest: Partial<SparkplugMetric> = {}): SparkplugMetric => ({
  ...{ datatype: DATATYPES.Double, value: { kind: 'NUMBER', value } },
  ...rest,
});

let clock = Date.UTC(2026, 9, 1);
function encode(metrics: readonly SparkplugMetric[], seq?: number): Buffer {
  clock += 1_000;
  return Buffer.from(encodeSparkplug({ timestampMs: clock, metrics, ...(seq === undefined ? {} : { seq }) }));
}

const publish = (rest: string, metrics: readonly SparkplugMetric[], seq?: number) =>
  node.publishAsync(topic(rest), encode(metrics, seq), { qos: 1 });

async function bear(bdSeq = 1): Promise<void> {
  await publish('NBIRTH/edge1', [bdSeqMetric(bdSeq), double(20, { name: 'temperature', alias: 1n })], 0);
  await publish(
    'DBIRTH/edge1/pump',
    [
      double(1, { name: 'pressure', alias: 2n }),
      { name: 'speed', alias: 3n, datatype: DATATYPES.Int32, value: { kind: 'NUMBER', value: 0xffff_fffe } },
      { name: 'Properties/maker', datatype: DATATYPES.String, value: { kind: 'TEXT', value: 'ACME' } },
    ],
    1,
  );
}

async function valuesOf(id: string): Promise<Record<string, number[]>> {
  const rows = await database.inWorkspace(devices.workspace).client.reading.findMany({
    ...{ where: { deviceId: id }, orderBy: { measuredAt: 'asc' } },
  });
  const values: Record<string, number[]> = {};
  for (const { metric, value } of rows) (values[metric] ??= []).push(value);
  return values;
}

const stateOf = async (id: string) =>
  (await devices.ask('query ($id: ID!) { device(id: $id) { connectivity { state reason } } }', { id })).device
    ?.connectivity;
const rebirths = () =>
  told.filter(({ payload }) => payload.metrics.some(({ name }) => name === 'Node Control/Rebirth'));

describe('edge nodes of Sparkplug B', () => {
  it('stores values of births and, by their aliases, of data, without metrics that nobody has declared', async () => {
    await bear();
    await publish('NDATA/edge1', [double(21, { alias: 1n })], 2);
    await publish('DDATA/edge1/pump', [double(1.5, { alias: 2n })], 3);
    expect(await valuesOf(nodeId)).toEqual({ temperature: [20, 21] });
    expect(await valuesOf(deviceId)).toEqual({ pressure: [1, 1.5], speed: [-2] });
    expect(rebirths()).toEqual([]);
  });

  it('tells who is there by births and deaths', async () => {
    await bear();
    expect(await stateOf(nodeId)).toMatchObject({ state: 'ONLINE' });
    expect(await stateOf(deviceId)).toMatchObject({ state: 'ONLINE' });
    await publish('DDEATH/edge1/pump', [], 2);
    expect(await stateOf(deviceId)).toMatchObject({ state: 'OFFLINE' });
    expect(await stateOf(nodeId)).toMatchObject({ state: 'ONLINE' });
    node.stream.destroy();
    await waitFor('the node is lost', async () => (await stateOf(nodeId))?.state === 'OFFLINE');
    expect((await stateOf(nodeId))?.reason).toContain('lost: ');
  });

  it('takes no death for that of a node that was born again since', async () => {
    await bear(1);
    await bear(2);
    await publish('NDEATH/edge1', [bdSeqMetric(1)]);
    expect(await stateOf(nodeId)).toMatchObject({ state: 'ONLINE' });
    await publish('NDEATH/edge1', [bdSeqMetric(2)]);
    expect(await stateOf(nodeId)).toMatchObject({ state: 'OFFLINE' });
  });

  it('sends a command once, however often the node is born again', async () => {
    const REGISTER = `mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { device { id } } }`;
    const SEND = `mutation ($input: SendCommandInput!) { sendCommand(input: $input) { command { id } } }`;
    const STATE = `query ($id: ID!) { device(id: $id) { commands(first: 1) { edges { node { state attempts } } } } }`;
    const profile = 'temperature-humidity';
    const { registerDevice } = await devices.ask(REGISTER, { input: { name: 'edge2', profile } });
    const id = registerDevice.device?.id ?? '';
    await node.subscribeAsync(topic('NCMD/edge2'), { qos: 1 });
    const birth = () => publish('NBIRTH/edge2', [bdSeqMetric(1), double(20, { name: 'temperature' })], 0);
    await birth();
    await devices.ask(SEND, { input: { deviceId: id, action: 'identify', input: { seconds: 3 } } });
    const commands = () => told.filter((one) => one.topic === topic('NCMD/edge2'));
    await waitFor('it is told', () => commands().length > 0);
    for (let births = 0; births < 3; births += 1) await birth();
    // Of a new connection, too: nothing in it tells a repetition.
    await publish('NBIRTH/edge2', [bdSeqMetric(2), double(20, { name: 'temperature' })], 0);
    await devices.ask(SEND, { input: { deviceId: id, action: 'identify', input: { seconds: 4 } } });
    await waitFor('it is told of the next', () => commands().length > 1);
    expect(commands().map(({ payload }) => payload.metrics[0]?.value)).toEqual([
      { kind: 'LONG', value: 3n },
      { kind: 'LONG', value: 4n },
    ]);
    const { device } = await devices.ask(STATE, { id });
    expect(device?.commands.edges[0]?.node).toMatchObject({ state: 'SENT', attempts: 1 });
  });

  it('stays connected while it is born again', async () => {
    await bear();
    const history = async () =>
      (await devices.log.readAfter(devices.workspace, 0n, 1_000)).filter(
        ({ type, subject }) => subject === deviceId && type.includes('connect'),
      ).length;
    await waitFor('it is told that it came', async () => (await stateOf(deviceId))?.state === 'ONLINE');
    const before = await history();
    await bear();
    expect(await stateOf(deviceId)).toMatchObject({ state: 'ONLINE' });
    expect(await history()).toBe(before);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['data comes without a birth', () => publish('NDATA/edge1', [double(21, { name: 'temperature' })], 7)],
    [
      'an alias is unknown',
      async () => {
        await bear();
        await publish('NDATA/edge1', [double(21, { alias: 99n })], 2);
      },
    ],
    [
      'a message is missing',
      async () => {
        await bear();
        await publish('NDATA/edge1', [double(21, { alias: 1n })], 4);
      },
    ],
  ])('asks for a birth, once, when %s', async (_what, act) => {
    await act();
    await waitFor('it asks', () => rebirths().length > 0);
    await publish('NDATA/edge1', [double(22, { alias: 98n })], 9);
    expect(rebirths()).toHaveLength(1);
    expect(rebirths()[0]?.topic).toBe(topic('NCMD/edge1'));
  });

  it('has a node with a credential of its own speak for devices that are labelled with it, and for no other of its name', async () => {
    const { workspace } = devices;
    await devices.close();
    devices = openedByTest.keep(await openDevices({ database, workspace, identify: () => undefined }));
    const { token = '' } = await createCredential(devices, { deviceId: nodeId, kind: 'TOKEN' });
    node = await connectMqtt(devices.mqttUrl, { username: 'x', password: token });
    openedByTest.keep({ close: () => node.endAsync(true) });
    await bear();
    expect(await valuesOf(nodeId)).toEqual({ temperature: [20] });
    expect(await valuesOf(deviceId)).toEqual({});
    await expect(node.subscribeAsync(topic('DCMD/edge1/pump'))).rejects.toThrow();
    const LABEL = `mutation ($input: UpdateDeviceInput!) { updateDevice(input: $input) { userErrors { message } } }`;
    const labels = [{ key: 'sparkplug/node', value: 'edge1' }];
    const { updateDevice } = await devices.ask(LABEL, { input: { id: deviceId, labels } });
    expect(updateDevice.userErrors).toEqual([]);
    await bear();
    expect(await valuesOf(deviceId)).toMatchObject({ pressure: [1] });
    await node.subscribeAsync(topic('DCMD/edge1/pump'));
  });

  it('counts what a node may not send among its messages, and takes nothing of it', async () => {
    const { workspace } = devices;
    await devices.close();
    devices = openedByTest.keep(await openDevices({ database, workspace, identify: () => undefined }));
    const { token = '' } = await createCredential(devices, { deviceId: nodeId, kind: 'TOKEN' });
    node = await connectMqtt(devices.mqttUrl, { username: 'x', password: token });
    openedByTest.keep({ close: () => node.endAsync(true) });
    node.on('message', (name, payload) => told.push({ topic: name, payload: decodeSparkplug(payload) }));
    await node.subscribeAsync(topic('NCMD/edge1/#'), { qos: 1 });
    // All at once: of some it must be looked up whether the node may send them, of others not.
    await Promise.all([
      publish('NBIRTH/edge1', [bdSeqMetric(1), double(20, { name: 'temperature', alias: 1n })], 0),
      publish('DBIRTH/edge1/pump', [double(1, { name: 'pressure', alias: 2n })], 1),
      publish('DBIRTH/edge1/unknown', [double(1, { name: 'pressure', alias: 3n })], 2),
      publish('NDATA/edge1', [double(21, { alias: 1n })], 3),
      publish('DDATA/edge1/unknown', [double(2, { alias: 3n })], 4),
      publish('NDATA/edge1', [double(22, { alias: 1n })], 5),
    ]);
    await publish('DDATA/edge1/pump', [double(2, { alias: 2n })], 6);
    await publish('NDATA/edge1', [double(23, { alias: 1n })], 7);
    expect(await valuesOf(nodeId)).toEqual({ temperature: [20, 21, 22, 23] });
    expect(await valuesOf(deviceId)).toEqual({});
    expect(rebirths()).toEqual([]);
    // One that is missing is missed as ever.
    await publish('DDATA/edge1/pump', [double(3, { alias: 2n })], 9);
    await waitFor('it asks', () => rebirths().length === 1);
  });

  it('cannot be asked for a value, as Sparkplug has no question', async () => {
    await bear();
    const READ = `query ($id: ID!) { device(id: $id) { reading(metric: "temperature", source: LIVE) { value } } }`;
    const { errors } = await devices.run(READ, { id: nodeId });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(errors?.[0]?.message).toContain('Sparkplug has no message by which a value is asked for');
    expect(told).toEqual([]);
  });

  it('are told that their host is there, and before it goes, but cannot tell it', async () => {
    await devices.close();
    const env = { AEGIS_SPARKPLUG_HOST_ID: 'plant' };
    devices = openedByTest.keep(
      await openDevices({ database, workspace: devices.workspace, identify: () => undefined, env }),
    );
    const { token = '' } = await createCredential(devices, { deviceId: nodeId, kind: 'TOKEN' });
    const credentials = { username: 'x', password: token };
    const edge = openedByTest.keep(await hearStates(devices.mqttUrl, 'plant', credentials));
    const online = await waitFor('it is told', () => edge.states[0]);
    expect(online).toEqual({ online: true, timestamp: expect.any(Number), retain: true });
    const forger = await connectMqtt(devices.mqttUrl, credentials);
    openedByTest.keep({ close: () => forger.endAsync(true) });
    await forger.publishAsync('spBv1.0/STATE/plant', '{"online":false,"timestamp":1}', { qos: 1 });
    await devices.close();
    await waitFor('it is told of the end', () => edge.states.length > 1);
    expect(edge.states.map((state) => state.online)).toEqual([true, false]);
    expect(edge.states[1]?.timestamp).toBeGreaterThanOrEqual(online.timestamp);
  });

  it('refuses what is no payload of Sparkplug', async () => {
    await node.publishAsync(topic('NBIRTH/edge1'), 'hello', { qos: 1 });
    expect(await stateOf(nodeId)).toMatchObject({ state: 'UNKNOWN' });
  });
});

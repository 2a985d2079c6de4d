import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../../kernel/telemetry/metrics.js';
import {
  createDeadLetters,
  type DeadLetter,
} from '../../../../subgraphs/devices/readings/dead-letters/dead-letters.js';
import { createStoredDeadLetters } from '../../../../subgraphs/devices/readings/dead-letters/stored-dead-letters.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { connectMqtt } from '../support/mqtt.js';
import { newWorkspace, openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database, env: { AEGIS_DEAD_LETTER_BYTES: '20' } }));
  await devices.register('sensor');
});
afterEach(openedByTest.close);

const REJECTED = `query ($first: Int, $after: String, $filter: RejectedPayloadFilter) {
  rejectedPayloads(first: $first, after: $after, filter: $filter) {
    edges { cursor node { kind code reason protocol device payload payloadBase64 payloadBytes truncated rejectedAt } }
    pageInfo { hasNextPage endCursor }
  }
}`;

async function openClient(url: string) {
  const client = await connectMqtt(url);
  return {
    publish: (topic: string, payload: string) => client.publishAsync(topic, payload, { qos: 1 }),
    close: () => client.endAsync(true),
  };
}

async function rejected(variables: Record<string, unknown> = {}) {
  const { rejectedPayloads } = await devices.ask(REJECTED, variables);
  return { ...rejectedPayloads, nodes: rejectedPayloads.edges.map(({ node }) => node) };
}

const until = (count: number) =>
  waitFor(`${count} payloads are kept`, async () => {
    const found = await rejected({ first: 100 });
    return found.nodes.length >= count && found;
  });

describe('what is refused', () => {
  it('is kept with its reason, the device as it was named, and the beginning of its payload', async () => {
    await devices.send('sensor', { pressure: 1_013.25, temperature: 20 });
    await devices.send('nobody', { a: 1 });
    const { nodes } = await until(2);
    expect(nodes).toMatchObject([
      { code: 'NOT_FOUND', protocol: 'HTTP', device: 'nobody', payload: '{"a":1}', truncated: false },
      {
        ...{ code: 'BAD_USER_INPUT', protocol: 'HTTP', device: 'sensor', truncated: true },
        reason: expect.stringContaining('"pressure" is not a metric of the device'),
        payload: '{"pressure":1013.25,',
        payloadBytes: 37,
      },
    ]);
  });

  it('is listed a page at a time, and by device, code, protocol and time', async () => {
    await devices.send('one', { a: 1 });
    await until(1);
    const between = new Date();
    await devices.send('two', { a: 1 });
    await devices.send('sensor', 'x');
    await until(3);
    const page = await rejected({ first: 2 });
    expect(page.nodes.map(({ device }) => device)).toEqual(['sensor', 'two']);
    expect(page.pageInfo.hasNextPage).toBe(true);
    const next = await rejected({ first: 2, after: page.pageInfo.endCursor });
    expect(next.nodes.map(({ device }) => device)).toEqual(['one']);
    const devicesOf = async (filter: Record<string, unknown>) =>
      (await rejected({ filter })).nodes.map(({ device }) => device);
    expect(await devicesOf({ device: 'two' })).toEqual(['two']);
    expect(await devicesOf({ code: 'NOT_FOUND' })).toEqual(['two', 'one']);
    expect(await devicesOf({ protocol: 'COAP' })).toEqual([]);
    expect(await devicesOf({ range: { from: between.toISOString() } })).toEqual(['sensor', 'two']);
  });

  it('is kept whatever it was and by what it came, and counted', async () => {
    const { mqttUrl, workspace } = devices;
    const client = openedByTest.keep(await openClient(mqttUrl));
    const topic = `aegis/${workspace}/sensor`;
    const node = `spBv1.0/${workspace}`;
    for (const [to, payload] of [
      [`${topic}/reported`, 'x'],
      [`${topic}/events`, '{"event": 5}'],
      [`${topic}/commands/cmd_none/answer`, '{}'],
      [`${node}/NBIRTH/sensor`, '\u00ff no protobuf'],
      [`${node}/NBIRTH/stranger`, ''],
      ['aegis/elsewhere/sensor/telemetry', '{"temperature": 20}'],
    ] as const)
      await client.publish(to, payload);
    const { nodes } = await until(6);
    expect(nodes.map(({ kind, device, protocol }) => `${kind} ${device} ${protocol}`).reverse()).toEqual([
      ...['REPORT sensor MQTT', 'EVENT sensor MQTT', 'ANSWER sensor MQTT'],
      ...['TELEMETRY sensor MQTT', 'TELEMETRY stranger MQTT', 'OTHER  MQTT'],
    ]);
    expect((await rejected({ filter: { kind: 'OTHER' } })).nodes).toMatchObject([
      {
        code: 'FORBIDDEN',
        payload: '{"temperature": 20}',
        reason: expect.stringContaining('aegis/elsewhere'),
      },
    ]);
    const counted = await devices.metrics.getSingleMetric('aegis_devices_payloads_refused_total')?.get();
    expect(counted?.values.reduce((sum, { value }) => sum + value, 0)).toBe(6);
  });

  it('is no secret of another workspace, and is not kept for one that is not there', async () => {
    const other = openedByTest.keep(await openDevices({ database }));
    await devices.send('nobody', { a: 1 });
    await until(1);
    expect((await other.ask(REJECTED)).rejectedPayloads.edges).toEqual([]);
  });
});

describe('the way of refused payloads into storage', () => {
  const message = (device: string) => ({
    ...{ kind: 'TELEMETRY' as const, code: 'NOT_FOUND', reason: 'none', device, protocol: 'MQTT' as const },
    payload: Buffer.from('payload'),
  });

  function open(options: { readonly capacity: number }) {
    const metrics = createMetrics();
    const stored: DeadLetter[][] = [];
    const letters = createDeadLetters({
      ...{ metrics, ...options, maxPayloadBytes: 4 },
      store: (_workspace, batch) => {
        stored.push([...batch]);
        return Promise.resolve();
      },
      logger: createLogger({ level: 'silent', pretty: false }),
    });
    return { metrics, stored, letters };
  }

  it('drops the oldest when they come too fast, and counts them', async () => {
    const { metrics, stored, letters } = open({ capacity: 3 });
    const workspace = newWorkspace();
    for (const name of ['a', 'b', 'c', 'd', 'e']) letters.record(workspace, message(name));
    await letters.flush();
    expect(stored.map((batch) => batch.map(({ device }) => device))).toEqual([['c', 'd', 'e']]);
    const dropped = metrics.getSingleMetric('aegis_devices_dead_letters_dropped_total');
    expect((await dropped?.get())?.values[0]?.value).toBe(2);
  });

  it('keeps nothing of what its sender will send again', async () => {
    const { stored, letters } = open({ capacity: 3 });
    letters.record(newWorkspace(), { ...message('a'), code: 'RATE_LIMITED' });
    letters.record(newWorkspace(), { ...message('a'), code: 'UNAVAILABLE' });
    await letters.flush();
    expect(stored).toEqual([]);
  });

  it('copies no more of a payload than is kept, and no names without end', async () => {
    const { stored, letters } = open({ capacity: 3 });
    letters.record(newWorkspace(), { ...message('n'.repeat(500)), payload: new Uint8Array(1_000) });
    await letters.close();
    const letter = stored[0]?.[0];
    expect(letter?.payload.buffer.byteLength).toBe(4);
    expect(letter?.payloadBytes).toBe(1_000);
    expect(letter?.device).toHaveLength(64);
  });

  it('keeps as many as it may, the newest, however many come', async () => {
    const workspace = newWorkspace();
    const store = createStoredDeadLetters(database, 10);
    const letter = (place: number): DeadLetter => ({
      ...{ rejectedAtMs: Date.now(), kind: 'TELEMETRY', code: 'NOT_FOUND', reason: 'none', protocol: 'MQTT' },
      ...{ device: `d${place}`, payload: Buffer.from('x'), payloadBytes: 1 },
    });
    for (let batch = 0; batch < 6; batch += 1) {
      await store.add(
        workspace,
        Array.from({ length: 7 }, (_, place) => letter(batch * 7 + place)),
      );
      expect((await store.list(workspace, { filter: {}, limit: 1_000 })).length).toBeLessThanOrEqual(10);
    }
    const kept = await store.list(workspace, { filter: {}, limit: 1_000 });
    expect(kept.map(({ device }) => device)).toEqual(
      Array.from({ length: 10 }, (_, place) => `d${41 - place}`),
    );
  });
});

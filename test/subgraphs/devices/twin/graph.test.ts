import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { registerLamps } from '../support/lamps.js';
import { connectMqtt, firstOf, gather } from '../support/mqtt.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
const statements: string[] = [];

beforeAll(async () => {
  database = opened.keep(await openTestDatabase({ onStatement: (sql) => statements.push(sql) }));
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
});
afterEach(openedByTest.close);

const TWIN = `query ($id: ID!, $at: DateTime) {
  device(id: $id) { twin(at: $at) {
    reported desired delta version reportedVersion desiredVersion reportedAt desiredAt
    history(first: 10) { edges { node { version side patch undo changedBy } } }
  } }
}`;
const DESIRE = `mutation ($input: UpdateDesiredInput!) {
  updateDesired(input: $input) { twin { version desired delta } userErrors { code path } }
}`;

const twinOf = async (id: string, at?: Date) => (await devices.ask(TWIN, { id, at })).device?.twin;

/** Connects as the device that publishes and listens on the topics of this name. */
async function connectLamp(name: string) {
  const client = await connectMqtt(devices.mqttUrl);
  const topic = `aegis/${devices.workspace}/${name}`;
  return {
    desired: await gather(client, `${topic}/desired`),
    publish: (kind: string, message: unknown) =>
      client.publishAsync(`${topic}/${kind}`, JSON.stringify(message), { qos: 1 }),
    close: () => client.endAsync(true),
  };
}

describe('the twin in the graph', () => {
  it('is empty before anything is said', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    expect(await twinOf(id)).toMatchObject({
      ...{ reported: {}, desired: {}, delta: {}, version: 0, reportedAt: null, desiredAt: null },
      history: { edges: [] },
    });
  });

  it('carries what is desired to the device over MQTT, and what it reports back', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const { updateDesired } = await devices.ask(DESIRE, { input: { deviceId: id, patch: { level: 20 } } });
    expect(updateDesired).toEqual({
      twin: { version: 1, desired: { level: 20 }, delta: { level: 20 } },
      userErrors: [],
    });
    const lamp = await connectLamp('one');
    expect((await firstOf(lamp.desired)).payload).toEqual({ version: 1, desired: { level: 20 } });
    await lamp.publish('reported', { level: 20, firmware: '1.2' });
    expect(await twinOf(id)).toMatchObject({
      ...{
        reported: { level: 20, firmware: '1.2' },
        delta: {},
        version: 2,
        reportedVersion: 2,
        desiredVersion: 1,
      },
      history: {
        edges: [
          { node: { version: 2, side: 'REPORTED', changedBy: 'device' } },
          { node: { version: 1, side: 'DESIRED', changedBy: 'test', undo: { level: null } } },
        ],
      },
    });
    await lamp.close();
  });

  it('refuses what does not fit, and what is meant for another version', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const ask = (input: object) => devices.ask(DESIRE, { input: { deviceId: id, ...input } });
    expect((await ask({ patch: { level: 101, power: 1 } })).updateDesired.userErrors).toEqual([
      { code: 'BAD_USER_INPUT', path: ['patch', 'level'] },
      { code: 'BAD_USER_INPUT', path: ['patch', 'power'] },
    ]);
    await ask({ patch: { level: 1 } });
    expect((await ask({ patch: { level: 2 }, expectedVersion: 0 })).updateDesired.userErrors).toEqual([
      { code: 'CONFLICT', path: ['expectedVersion'] },
    ]);
  });

  it('streams its changes, and those that were missed', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const query = `subscription ($after: String) { deviceTwins(after: $after) {
      cursor gap side version device { name } change { patch } twin { version }
    } }`;
    const stream = await devices.subscribe(query);
    const next = stream.next();
    await devices.ask(DESIRE, { input: { deviceId: id, patch: { level: 1 } } });
    const first = (await next).value?.data?.deviceTwins;
    expect(first).toMatchObject({
      side: 'DESIRED',
      version: 1,
      device: { name: 'one' },
      change: { patch: { level: 1 } },
    });
    await stream.return();
    await devices.ask(DESIRE, { input: { deviceId: id, patch: { level: 2 } } });
    const resumed = await devices.subscribe(query, { after: first?.cursor });
    expect((await resumed.next()).value?.data?.deviceTwins).toMatchObject({
      version: 2,
      twin: { version: 2 },
    });
    await resumed.return();
  });

  it('of 50 devices, with their newest readings, is asked for in one statement', async () => {
    await registerLamps(
      devices,
      Array.from({ length: 50 }, (_, index) => `lamp-${index}`),
    );
    await devices.send('lamp-1', { power: 5 });
    const past = new Date(Date.now() - 60_000).toISOString();
    const list = `{ devices(first: 50) { edges { node {
      name twin { version delta history(first: 2) { edges { node { version } } } }
      past: twin(at: "${past}") { version }
      reading(metric: "power") { value } events(first: 2) { edges { node { name } } }
    } } } }`;
    statements.length = 0;
    const { devices: page } = await devices.ask(list);
    expect(page.edges).toHaveLength(50);
    const own = statements.filter((sql) => /device_twins|twin_changes|kernel\.events/.test(sql));
    expect(own).toHaveLength(4);
    expect(statements.length).toBeLessThanOrEqual(8);
  });
});

describe('the events of devices in the graph', () => {
  it('are streamed, listed, and given what was missed', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const query = `subscription ($ids: [ID!], $names: [String!], $after: String) {
      deviceEvents(deviceIds: $ids, names: $names, after: $after) { cursor gap event { name data device { name } } }
    }`;
    const stream = await devices.subscribe(query, { ids: [id], names: ['overheated'] });
    const next = stream.next();
    const lamp = await connectLamp('one');
    await lamp.publish('events', { event: 'overheated', data: { celsius: 91 } });
    const first = (await next).value?.data?.deviceEvents;
    expect(first).toMatchObject({
      ...{ gap: false, event: { name: 'overheated', data: { celsius: 91 }, device: { name: 'one' } } },
    });
    await stream.return();
    await lamp.publish('events', { event: 'overheated', data: { celsius: 92 } });
    const resumed = await devices.subscribe(query, { after: first?.cursor });
    expect((await resumed.next()).value?.data?.deviceEvents.event.data).toEqual({ celsius: 92 });
    await resumed.return();
    const list = `query ($id: ID!, $after: String) { device(id: $id) { events(first: 1, after: $after) {
      edges { node { data } } pageInfo { endCursor hasNextPage }
    } } }`;
    const page = (await devices.ask(list, { id })).device?.events;
    expect(page).toMatchObject({
      edges: [{ node: { data: { celsius: 92 } } }],
      pageInfo: { hasNextPage: true },
    });
    const rest = (await devices.ask(list, { id, after: page?.pageInfo.endCursor })).device?.events;
    expect(rest).toMatchObject({
      edges: [{ node: { data: { celsius: 91 } } }],
      pageInfo: { hasNextPage: false },
    });
    await lamp.close();
  });
});

describe('a reading in the graph', () => {
  const READING = `query ($id: ID!, $metric: String!, $source: ReadingSource, $maxAgeMs: Int) {
    device(id: $id) { reading(metric: $metric, source: $source, maxAgeMs: $maxAgeMs) { value } }
  }`;

  it('is the newest that is stored, and null when there is none', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    expect((await devices.ask(READING, { id, metric: 'power' })).device?.reading).toBeNull();
    await devices.send('one', { power: 5 });
    expect((await devices.ask(READING, { id, metric: 'power' })).device?.reading).toEqual({ value: 5 });
    const unknown = await devices.run(READING, { id, metric: 'colour' });
    expect(unknown.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('asked of the device itself is refused when it is away, and not asked for when the stored one is fresh', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    await devices.send('one', { power: 5 });
    const live = { id, metric: 'power', source: 'LIVE' };
    const refused = await devices.run(READING, live);
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    const fresh = await devices.ask(READING, { ...live, maxAgeMs: 60_000 });
    expect(fresh.device?.reading).toEqual({ value: 5 });
  });

  it('of a device that does not listen to questions is refused for good', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const lamp = await connectLamp('one');
    const refused = await waitFor('it is connected', async () => {
      const { errors } = await devices.run(READING, { id, metric: 'power', source: 'LIVE' });
      return errors?.[0]?.extensions['code'] === 'UNAVAILABLE' ? undefined : errors;
    });
    expect(refused[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(refused[0]?.message).toContain('does not listen to questions');
    await lamp.close();
  });
});

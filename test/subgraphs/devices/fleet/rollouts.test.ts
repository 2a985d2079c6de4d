import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import type { Database } from '../../../../kernel/database/database.js';
import type { Rollout } from '../../../../subgraphs/devices/generated/schema-types.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { connectMqtt } from '../support/mqtt.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let clients: MqttClient[] = [];

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
});
afterEach(async () => {
  for (const client of clients) client.end(true);
  clients = [];
  await openedByTest.close();
});

const CREATE = `mutation ($input: CreateRolloutInput!) {
  createRollout(input: $input) { rollout { id } userErrors { code message path } }
}`;
const ROLLOUT = `query ($id: ID!) { rollout(id: $id) {
  stage rollingBack
  run { state note progress error { message } }
  stages { percent devices pending inFlight succeeded failed }
  devices(first: 100) { edges { node { state stage reason device { name } } } }
} }`;
const TWIN = `query ($filter: DeviceFilter) { devices(filter: $filter, first: 100) { edges { node { name twin { desired } } } } }`;

const REPORTED = `{ devices(first: 1) { edges { node { twin { reported } } } } }`;

type Answer = (desired: Readonly<Record<string, unknown>>) => object | undefined;

/** A device that is connected and reports what it is told as its answer says. */
async function connect(name: string, answer: Answer = (desired) => desired): Promise<MqttClient> {
  const client = await connectMqtt(devices.mqttUrl);
  clients.push(client);
  const topic = `aegis/${devices.workspace}/${name}`;
  client.on('message', (_topic, payload) => {
    const told = JSON.parse(payload.toString()) as { desired?: Record<string, unknown> };
    const reported = answer(told.desired ?? {});
    if (reported) client.publish(`${topic}/reported`, JSON.stringify(reported), { qos: 1 });
  });
  await client.subscribeAsync(`${topic}/desired`, { qos: 1 });
  return client;
}

async function create(input: object): Promise<string> {
  const { createRollout } = await devices.ask(CREATE, { input: { name: 'r', selection: {}, ...input } });
  expect(createRollout.userErrors).toEqual([]);
  return createRollout.rollout?.id ?? '';
}

async function read(id: string): Promise<Rollout> {
  const { rollout } = await devices.ask(ROLLOUT, { id });
  if (!rollout) throw new Error('the rollout is gone');
  return rollout;
}

function until(id: string, what: string, condition: (rollout: Rollout) => boolean): Promise<Rollout> {
  return waitFor(
    what,
    async () => {
      const rollout = await read(id);
      return condition(rollout) ? rollout : undefined;
    },
    { deadlineMs: 30_000, everyMs: 100 },
  );
}

const act = (action: string, id: string) =>
  devices.ask(`mutation ($id: ID!) { ${action}(input: {id: $id}) { rollout { id } userErrors { code } } }`, {
    id,
  });

/** Has the time of a rollout be over. */
const expire = (id: string) =>
  database
    .inWorkspace(devices.workspace)
    .client.rollout.updateMany({ where: { id }, data: { expiresAt: new Date(Date.now() - 1) } });

const firmware = { version: '2.0', url: 'https://example.com/fw.bin', sha256: 'a'.repeat(64) };

async function desiredOf(): Promise<Record<string, unknown>> {
  const { devices: listed } = await devices.ask(TWIN);
  return Object.fromEntries(listed.edges.map(({ node }) => [node.name, node.twin?.desired]));
}

describe('a rollout', () => {
  it('goes stage by stage until all devices report the firmware, and states what happened', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      await devices.register(name);
      await connect(name, (desired) => ({
        firmware: { version: (desired['firmware'] as { version: string }).version },
      }));
    }
    const id = await create({ firmware, stages: [{ percent: 25 }, { percent: 100 }] });
    const done = await until(id, 'it has ended', ({ run }) => run.state === 'SUCCEEDED');
    expect(done.stages).toMatchObject([
      { devices: 1, succeeded: 1 },
      { devices: 3, succeeded: 3 },
    ]);
    expect(done.run).toMatchObject({ progress: 1, note: '4 devices succeeded, 0 failed.' });
    expect(await desiredOf()).toEqual({
      a: { firmware },
      b: { firmware },
      c: { firmware },
      d: { firmware },
    });
    const facts = (await devices.log.readAfter(devices.workspace, 0n, 1_000)).filter(
      ({ subject }) => subject === id,
    );
    expect(facts.map(({ type }) => type)).toEqual([
      'aegis.rollout.created',
      'aegis.rollout.stage.completed',
      'aegis.rollout.ended',
    ]);
  }, 60_000);

  it('pauses when too many of a stage fail, tells the others nothing, and is taken back', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      await devices.register(name);
      await connect(name, ({ firmware: wanted }) =>
        wanted === undefined ? undefined : { firmware: { state: 'FAILED', error: 'bad checksum' } },
      );
    }
    const id = await create({ firmware, stages: [{ percent: 25 }, { percent: 100 }] });
    const paused = await until(id, 'it pauses', ({ run }) => run.state === 'PAUSED');
    expect(paused.run.note).toContain('1 of 1 devices of stage 1 have failed');
    expect(paused.stages.map(({ pending, failed }) => [pending, failed])).toEqual([
      [0, 1],
      [3, 0],
    ]);
    expect(paused.devices.edges[0]?.node).toMatchObject({
      state: 'FAILED',
      reason: 'bad checksum',
      stage: 1,
    });
    expect((await act('rollbackRollout', id)).rollbackRollout.userErrors).toEqual([]);
    const back = await until(id, 'it is taken back', ({ run }) => run.state === 'SUCCEEDED');
    expect(back.devices.edges.map(({ node }) => node.state)).toEqual([
      'ROLLED_BACK',
      'CANCELLED',
      'CANCELLED',
      'CANCELLED',
    ]);
    expect(Object.values(await desiredOf())).toEqual([{}, {}, {}, {}]);
  }, 60_000);

  it('waits for devices that cannot be reached, and goes on without them once others have succeeded', async () => {
    for (const name of ['a', 'b', 'c']) await devices.register(name);
    await connect('a');
    await connect('b');
    const id = await create({ patch: { interval: 5 }, stages: [{ percent: 67 }, { percent: 100 }] });
    const waiting = await until(
      id,
      'the devices that are there have it',
      ({ stages }) => stages.reduce((sum, { succeeded }) => sum + succeeded, 0) === 2,
    );
    expect(waiting.run.state).toBe('RUNNING');
    expect(await desiredOf()).toEqual({ a: { interval: 5 }, b: { interval: 5 }, c: {} });
    await connect('c');
    await until(id, 'it has ended', ({ run }) => run.state === 'SUCCEEDED');
  }, 60_000);

  it('fails a device that does not report in time, and goes on when it is resumed', async () => {
    for (const name of ['a', 'b']) await devices.register(name);
    const mute = new Set(['a', 'b']);
    for (const name of ['a', 'b']) await connect(name, (desired) => (mute.has(name) ? undefined : desired));
    const id = await create({
      ...{ patch: { interval: 5 }, deviceTimeoutSeconds: 1 },
      stages: [{ percent: 50 }, { percent: 100 }],
    });
    const paused = await until(id, 'it pauses', ({ run }) => run.state === 'PAUSED');
    expect(paused.devices.edges[0]?.node.reason).toBe('It did not report what is expected within 1 s.');
    mute.clear();
    await act('resumeRollout', id);
    const done = await until(id, 'it has ended', ({ run }) => run.state === 'SUCCEEDED');
    expect(done.stages.map(({ succeeded, failed }) => [succeeded, failed])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  }, 60_000);

  it('counts a device of an earlier stage that was away and fails late, until somebody resumes it', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await devices.register(name);
    const id = await create({ firmware, stages: [{ percent: 50 }, { percent: 100 }] });
    const nodes = (await read(id)).devices.edges.map(({ node }) => node);
    const of = (wanted: number) =>
      nodes.filter(({ stage }) => stage === wanted).map(({ device }) => device?.name ?? '');
    const [first = '', late = ''] = of(1);
    const [third = '', fourth = ''] = of(2);
    const succeed: Answer = () => ({ firmware: { version: '2.0' } });
    await connect(first, succeed);
    await until(id, 'the second stage begins', ({ stage }) => stage === 2);
    await connect(late, () => ({ firmware: { state: 'FAILED', error: 'bad checksum' } }));
    const paused = await until(id, 'it pauses', ({ run }) => run.state === 'PAUSED');
    expect(paused.run.note).toContain('1 of 2 devices of stage 1 have failed');
    await act('resumeRollout', id);
    for (const name of [third, fourth]) await connect(name, succeed);
    const done = await until(id, 'it has ended', ({ run }) => run.state === 'SUCCEEDED');
    expect(done.run.note).toBe('3 devices succeeded, 1 failed.');
  }, 60_000);

  it('ends FAILED when it expires before its last stage', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      await devices.register(name);
      await connect(name);
    }
    const stages = [{ percent: 25, soakSeconds: 86_400 }, { percent: 100 }];
    const id = await create({ patch: { interval: 5 }, stages });
    await until(id, 'the first stage has it', (rollout) => rollout.stages[0]?.succeeded === 1);
    await expire(id);
    const ended = await until(id, 'it has ended', ({ run }) => run.state === 'FAILED');
    expect(ended.run.error?.message).toBe(
      'The rollout expired in stage 1; 3 devices of the stages behind it were told nothing. 1 devices succeeded, 3 failed.',
    );
  }, 60_000);

  it('ends FAILED when it expires and too many of its last stage were never reached', async () => {
    for (const name of ['a', 'b']) await devices.register(name);
    await connect('a');
    const id = await create({ patch: { interval: 5 }, stages: [{ percent: 100 }] });
    await until(id, 'one has it', (rollout) => rollout.stages[0]?.succeeded === 1);
    await expire(id);
    const ended = await until(id, 'it has ended', ({ run }) => run.state === 'FAILED');
    expect(ended.run.error?.message).toContain(
      '1 of 2 devices of stage 1 have failed, which is more than 10 %.',
    );
    await act('rollbackRollout', id);
    const back = await until(id, 'it is taken back', ({ run }) => run.state === 'SUCCEEDED');
    expect(back.run.error).toBeNull();
  }, 60_000);

  it('does not take a failure from before it was told as one of its own', async () => {
    await devices.register('a');
    const client = await connect('a', () => ({ battery: 90 }));
    const failed = { firmware: { state: 'FAILED', error: 'of an earlier version' } };
    await client.publishAsync(`aegis/${devices.workspace}/a/reported`, JSON.stringify(failed), { qos: 1 });
    await waitFor('the failure is reported', async () => {
      const { devices: listed } = await devices.ask(REPORTED);
      return JSON.stringify(listed.edges[0]?.node.twin?.reported).includes('FAILED') ? true : undefined;
    });
    const id = await create({ firmware, stages: [{ percent: 100 }] });
    await waitFor('it has reported something else since', async () => {
      const { devices: listed } = await devices.ask(REPORTED);
      return JSON.stringify(listed.edges[0]?.node.twin?.reported).includes('battery') ? true : undefined;
    });
    const report = { firmware: { version: '2.0', state: null, error: null } };
    const rows = database.inWorkspace(devices.workspace).client.rolloutDevice;
    await rows.updateMany({ where: { rolloutId: id }, data: { seenAt: null } });
    await waitFor(
      'it was judged since',
      async () => (await rows.findFirst({ where: { rolloutId: id } }))?.seenAt,
    );
    expect((await read(id)).run.state).toBe('RUNNING');
    await client.publishAsync(`aegis/${devices.workspace}/a/reported`, JSON.stringify(report), { qos: 1 });
    const done = await until(id, 'it has ended', ({ run }) => !['QUEUED', 'RUNNING'].includes(run.state));
    expect(done.run.state).toBe('SUCCEEDED');
  }, 60_000);

  it('tells of devices that could not be taken back, and tries them again', async () => {
    await devices.register('a');
    await connect('a');
    const id = await create({ patch: { interval: 5 }, stages: [{ percent: 100 }] });
    await until(id, 'it has ended', ({ run }) => run.state === 'SUCCEEDED');
    const rows = database.inWorkspace(devices.workspace).client.rolloutDevice;
    // The way back is a document that is larger than a twin may be.
    await rows.updateMany({ where: { rolloutId: id }, data: { former: { large: 'x'.repeat(300_000) } } });
    await act('rollbackRollout', id);
    const failed = await until(id, 'it was tried', ({ run }) => run.state === 'FAILED');
    expect(failed.devices.edges[0]?.node).toMatchObject({
      state: 'ROLLBACK_FAILED',
      reason: expect.stringContaining('bytes'),
    });
    await rows.updateMany({ where: { rolloutId: id }, data: { former: { interval: null } } });
    await act('rollbackRollout', id);
    const back = await until(id, 'it is taken back', ({ run }) => run.state === 'SUCCEEDED');
    expect(back.devices.edges[0]?.node).toMatchObject({ state: 'ROLLED_BACK' });
  }, 60_000);

  it('is paused by hand, goes on after a restart, and is cancelled', async () => {
    for (const name of ['a', 'b']) await devices.register(name);
    const { workspace } = devices;
    const id = await create({ patch: { interval: 5 } });
    await act('pauseRollout', id);
    await until(id, 'it is paused', ({ run }) => run.state === 'PAUSED');
    await openedByTest.close();
    devices = openedByTest.keep(await openDevices({ database, workspace }));
    expect((await read(id)).run.state).toBe('PAUSED');
    await act('resumeRollout', id);
    await until(id, 'it is under way', ({ run }) => run.state === 'RUNNING');
    await devices.ask(`mutation ($id: ID!) { cancelRun(input: {id: $id}) { run { id } } }`, { id });
    const done = await until(id, 'it is cancelled', ({ run }) => run.state === 'CANCELLED');
    expect(done.devices.edges.map(({ node }) => node.state)).toEqual(['CANCELLED', 'CANCELLED']);
    expect((await act('pauseRollout', id)).pauseRollout.userErrors).toEqual([{ code: 'CONFLICT' }]);
  }, 60_000);

  it.each([
    [{}, 'patch'],
    [{ patch: { a: 1 }, firmware }, 'patch'],
    [{ patch: { a: null } }, 'expected'],
    [{ patch: { a: 1 }, name: '' }, 'name'],
    [{ patch: { a: 1 }, stages: [{ percent: 50 }] }, 'stages'],
    [{ patch: { a: 1 }, stages: [{ percent: 50 }, { percent: 20 }] }, 'stages.1.percent'],
    [{ firmware: { ...firmware, url: 'file:///etc/passwd' } }, 'firmware.url'],
    [{ firmware: { ...firmware, sha256: 'x' } }, 'firmware.sha256'],
    [{ patch: { a: 1 }, selection: { name: 'nobody' } }, 'selection'],
  ])('refuses %j and names the field', async (input, field) => {
    const { createRollout } = await devices.ask(CREATE, { input: { name: 'r', selection: {}, ...input } });
    expect(createRollout.userErrors.map(({ path }) => path.join('.'))).toContain(field);
  });
});

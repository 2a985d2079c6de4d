import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { encode } from 'cborg';
import type { Database } from '../../../../kernel/database/database.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { LAMP, openDownlink, type TestDownlink } from '../support/open-downlink.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
afterEach(openedByTest.close);

const open = async (options: Partial<Parameters<typeof openDownlink>[0]> = {}): Promise<TestDownlink> =>
  openedByTest.keep(await openDownlink({ database, profile: LAMP, ...options }));

const readTwin = ({ twins, workspace }: TestDownlink, id: string) =>
  twins.createLoaders(workspace).twins.load(id);

const desire = (
  { twins, request }: TestDownlink,
  deviceId: string,
  patch: unknown,
  expectedVersion?: number,
) => twins.updateDesired({ deviceId, patch, expectedVersion: expectedVersion ?? null }, request);

describe('what a device reports', () => {
  it('is merged, counted and stated as a fact with the names of what changed alone', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await downlink.report(id, { firmware: '1.0', net: { ip: '10.0.0.1', wifi: true } });
    await downlink.report(id, { net: { wifi: null } });
    expect(await readTwin(downlink, id)).toMatchObject({
      reported: { firmware: '1.0', net: { ip: '10.0.0.1' } },
      ...{ version: 2, reportedVersion: 2, desiredVersion: 0, desiredAt: null },
    });
    expect((await downlink.facts(id)).map(({ type, data }) => [type, data])).toEqual([
      ['aegis.device.twin.reported', { deviceId: id, version: 1, keys: ['firmware', 'net'] }],
      ['aegis.device.twin.reported', { deviceId: id, version: 2, keys: ['net'] }],
    ]);
  });

  it('leaves no trace when it says nothing new', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await downlink.report(id, { a: { b: [1, 2] } });
    await downlink.report(id, { a: { b: [1, 2] }, gone: null });
    expect(await readTwin(downlink, id)).toMatchObject({ version: 1 });
    expect(await downlink.facts(id)).toHaveLength(1);
  });

  it('may be CBOR', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const { workspace, twins } = downlink;
    await twins.report({ workspace, device: id, payload: encode({ level: 3, deep: { x: 1.5 } }) });
    expect(await readTwin(downlink, id)).toMatchObject({ reported: { level: 3, deep: { x: 1.5 } } });
  });

  it.each([
    ['no JSON', '{', 'BAD_USER_INPUT'],
    ['no object', '[1]', 'BAD_USER_INPUT'],
    ['a NUL', String.raw`{"a":"\u0000"}`, 'BAD_USER_INPUT'],
    ['half a character', String.raw`{"a":"\ud800"}`, 'BAD_USER_INPUT'],
    ['a prototype', '{"__proto__":1}', 'BAD_USER_INPUT'],
    ['too many levels', `{"a":${'['.repeat(16)}${']'.repeat(16)}}`, 'BAD_USER_INPUT'],
    ['too much', JSON.stringify({ a: 'x'.repeat(66_000) }), 'PAYLOAD_TOO_LARGE'],
  ])('is refused when it is %s', async (_what, text, code) => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const { workspace, twins } = downlink;
    const report = twins.report({ workspace, device: id, payload: Buffer.from(text) });
    await expect(report).rejects.toMatchObject({ code });
    expect(await readTwin(downlink, id)).toMatchObject({ version: 0, reported: {} });
  });

  it('is refused from a device that is not there, and when all of it would be too large', async () => {
    const downlink = await open();
    await expect(downlink.report('nobody', { a: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const id = await downlink.addDevice();
    await downlink.report(id, { a: 'x'.repeat(40_000) });
    await expect(downlink.report(id, { b: 'x'.repeat(40_000) })).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
  });

  it('of two at the same moment keeps both', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => downlink.report(id, { [`k${index}`]: index })),
    );
    const twin = await readTwin(downlink, id);
    expect(Object.keys(twin.reported)).toHaveLength(10);
    expect(twin.version).toBe(10);
  });
});

describe('what is desired', () => {
  it('is checked against the profile, with free settings beside its properties', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const good = await desire(downlink, id, { level: 40, mode: 'NIGHT', on: true, interval: { seconds: 5 } });
    expect(good.userErrors).toEqual([]);
    expect(good.twin).toMatchObject({ desired: { level: 40 }, version: 1, desiredVersion: 1 });
    const bad = await desire(downlink, id, { level: 101, power: 3, mode: 'DUSK', on: 1, interval: 7 });
    expect(bad.userErrors.map(({ code, path }) => [code, path.join('.')])).toEqual([
      ['BAD_USER_INPUT', 'patch.level'],
      ['BAD_USER_INPUT', 'patch.power'],
      ['BAD_USER_INPUT', 'patch.mode'],
      ['BAD_USER_INPUT', 'patch.on'],
    ]);
    expect((await desire(downlink, id, { level: null })).twin?.desired).not.toHaveProperty('level');
  });

  it('is free for a device without a profile, and refused for no object and no device', async () => {
    const downlink = await open({ profile: undefined });
    const id = await downlink.addDevice();
    expect((await desire(downlink, id, { anything: [1] })).userErrors).toEqual([]);
    expect((await desire(downlink, id, [1])).userErrors).toMatchObject([{ path: ['patch'] }]);
    expect((await desire(downlink, `dev_${'0'.repeat(32)}`, {})).userErrors).toMatchObject([
      { code: 'NOT_FOUND', path: ['deviceId'] },
    ]);
  });

  it('is locked optimistically: only what is desired counts, and of two at once one is refused', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await desire(downlink, id, { a: 1 });
    await downlink.report(id, { b: 1 });
    const results = await Promise.all([desire(downlink, id, { a: 2 }, 1), desire(downlink, id, { a: 3 }, 1)]);
    expect(results.map(({ userErrors }) => userErrors.map(({ code }) => code)).sort()).toEqual([
      [],
      ['CONFLICT'],
    ]);
    expect((await desire(downlink, id, { a: 4 }, 99)).userErrors).toMatchObject([
      { path: ['expectedVersion'] },
    ]);
    expect((await desire(downlink, id, { a: 4 }, 3)).userErrors).toEqual([]);
  });

  it('reaches a connected device at once, in whole, and another when it connects', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await desire(downlink, id, { level: 10 });
    const device = downlink.connect(id);
    await waitFor('it is told', () => device.received.length === 1);
    await desire(downlink, id, { on: true });
    await waitFor('it is told again', () => device.received.length === 2);
    expect(device.received).toEqual([
      { kind: 'desired', version: 1, desired: { level: 10 } },
      { kind: 'desired', version: 2, desired: { level: 10, on: true } },
    ]);
  });

  it('is told anew on each connection until it is reported', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await desire(downlink, id, { level: 10 });
    const first = downlink.connect(id);
    await waitFor('it is told', () => first.received.length === 1);
    first.disconnect();
    const second = downlink.connect(id);
    await waitFor('it is told again', () => second.received.length === 1);
    await downlink.report(id, { level: 10 });
    second.disconnect();
    const third = downlink.connect(id);
    await desire(downlink, id, { level: 11 });
    await waitFor('it is told the next', () => third.received.length === 1);
    expect(third.received).toMatchObject([{ version: 3, desired: { level: 11 } }]);
  });

  it('is tried again when it did not arrive', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    let refusals = 1;
    const device = downlink.connect(id, () =>
      refusals-- > 0 ? Promise.reject(new Error('lost')) : Promise.resolve('DELIVERED'),
    );
    await desire(downlink, id, { level: 10 });
    await waitFor('it is told again', () => device.received.length === 2);
  });

  it('reaches a device that is connected to another process', async () => {
    const bus = createInProcessLiveBus();
    const one = await open({ bus });
    const other = await open({ bus, workspace: one.workspace });
    const id = await one.addDevice();
    const device = other.connect(id);
    await desire(one, id, { level: 10 });
    await waitFor('it is told', () => device.received.length === 1);
  });
});

describe('the history', () => {
  it('tells who changed what, newest first, with the patch that takes it back', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await downlink.report(id, { a: 1, b: { c: 1 } });
    await desire(downlink, id, { level: 1 });
    await downlink.report(id, { a: null, b: { d: 2 } });
    const load = (side?: 'REPORTED' | 'DESIRED', behind?: bigint) =>
      downlink.twins
        .createLoaders(downlink.workspace)
        .twinHistories.load({ deviceId: id, limit: 2, side, behind });
    expect(await load()).toMatchObject([
      { version: 3, side: 'REPORTED', changedBy: 'device', undo: { a: 1, b: { d: null } } },
      { version: 2, side: 'DESIRED', changedBy: 'tester', patch: { level: 1 } },
    ]);
    expect(await load(undefined, 2n)).toMatchObject([{ version: 1 }]);
    expect(await load('DESIRED')).toMatchObject([{ version: 2 }]);
  });

  it('gives the twin as it was at any instant', async () => {
    let at = Date.UTC(2026, 0, 1);
    const downlink = await open({ now: () => new Date(at) });
    const id = await downlink.addDevice();
    const seen = [await readTwin(downlink, id)];
    for (const change of [{ a: 1 }, { b: { c: 2 } }, { a: null, b: { d: 3 } }]) {
      at += 1_000;
      await downlink.report(id, change);
      seen.push(await readTwin(downlink, id));
      at += 1_000;
      await desire(downlink, id, change);
      seen.push(await readTwin(downlink, id));
    }
    const { pastTwins } = downlink.twins.createLoaders(downlink.workspace);
    const past = await pastTwins.loadMany(
      seen.map((_twin, index) => ({
        deviceId: id,
        at: new Date(Date.UTC(2026, 0, 1) + 1_000 * index + 500),
      })),
    );
    expect(past).toEqual(seen);
  });

  it('is kept as long as the settings say, and says so of what it has forgotten', async () => {
    let at = Date.UTC(2026, 0, 1);
    const now = () => new Date(at);
    const downlink = await open({ now, twinHistoryDays: 1 });
    const id = await downlink.addDevice();
    await downlink.report(id, { a: 1 });
    at += 36 * 3_600_000;
    await downlink.report(id, { a: 2 });
    await open({ now, twinHistoryDays: 1, workspace: downlink.workspace });
    const loaders = () => downlink.twins.createLoaders(downlink.workspace);
    await waitFor('the first is removed', async () => {
      const page = { deviceId: id, limit: 10, side: undefined, behind: undefined };
      return (await loaders().twinHistories.load(page)).length === 1;
    });
    const before = { deviceId: id, at: new Date(at - 1_000) };
    expect(await loaders().pastTwins.load(before)).toBe('forgotten');
    expect(await loaders().pastTwins.load({ deviceId: id, at: now() })).toMatchObject({ reported: { a: 2 } });
  });
});

describe('an event of a device', () => {
  it('becomes a fact when it fits the profile', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await downlink.tell(id, { event: 'overheated', data: { celsius: 91 } });
    expect(await downlink.facts(id)).toMatchObject([
      { type: 'aegis.device.event', data: { deviceId: id, name: 'overheated', data: { celsius: 91 } } },
    ]);
    const key = { deviceId: id, limit: 5, names: ['overheated'], behind: undefined };
    const { deviceEvents } = downlink.twins.createLoaders(downlink.workspace);
    expect(await deviceEvents.load(key)).toMatchObject([{ name: 'overheated', data: { celsius: 91 } }]);
    expect(await deviceEvents.load({ ...key, names: ['other'] })).toEqual([]);
  });

  it.each([
    [{ event: 'overheated', data: { celsius: 'hot' } }, /data\.celsius must be number/],
    [{ event: 'overheated' }, /data must be object/],
    [{ event: 'exploded' }, /an event of profile lamp version 1 \(overheated\)/],
    [{ name: 'overheated' }, /got no name/],
  ])('is refused when it is %j', async (event, message) => {
    const downlink = await open();
    const id = await downlink.addDevice();
    await expect(downlink.tell(id, event)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(message),
    });
  });
});

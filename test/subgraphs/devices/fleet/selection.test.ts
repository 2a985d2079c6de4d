import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
const statements: string[] = [];
let database: Database;
let devices: TestDevices;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase({ onStatement: (sql) => statements.push(sql) }));
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
});
afterEach(openedByTest.close);

const LIST = `query ($filter: DeviceFilter, $first: Int, $after: String, $orderBy: DeviceOrder) {
  devices(filter: $filter, first: $first, after: $after, orderBy: $orderBy) {
    edges { node { name } } pageInfo { hasNextPage endCursor }
  }
}`;
const LABEL = `mutation ($input: LabelDevicesInput!) {
  labelDevices(input: $input) { changed userErrors { code message path } }
}`;
const CREATE = `mutation ($input: CreateDeviceGroupInput!) {
  createDeviceGroup(input: $input) { group { id name selection count } userErrors { code message path } }
}`;
const UPDATE = `mutation ($input: UpdateDeviceGroupInput!) {
  updateDeviceGroup(input: $input) { group { id name count } userErrors { code path } }
}`;

async function list(filter: object, orderBy = 'NAME_ASC'): Promise<string[]> {
  const data = await devices.ask(LIST, { filter, orderBy, first: 100 });
  return data.devices.edges.map(({ node }) => node.name);
}

async function label(labels: string, selection: object): Promise<number> {
  const set = labels.split(',').map((one) => {
    const [key = '', value = ''] = one.split('=');
    return { key, value };
  });
  const { labelDevices } = await devices.ask(LABEL, { input: { selection, set } });
  expect(labelDevices.userErrors).toEqual([]);
  return labelDevices.changed ?? 0;
}

async function createGroup(input: object): Promise<string> {
  const { createDeviceGroup } = await devices.ask(CREATE, { input });
  expect(createDeviceGroup.userErrors).toEqual([]);
  return createDeviceGroup.group?.id ?? '';
}

describe('labels', () => {
  it('are set on a device when it is registered, and replaced as a whole by an update', async () => {
    const { registerDevice } = await devices.ask(
      `mutation { registerDevice(input: {name: "a", metrics: [{name: "t", unit: "Cel"}],
        labels: [{key: "site", value: "berlin"}, {key: "floor", value: "2"}]}) {
          device { id labels { key value } } userErrors { message } } }`,
    );
    expect(registerDevice.device?.labels).toEqual([
      { key: 'floor', value: '2' },
      { key: 'site', value: 'berlin' },
    ]);
    const { updateDevice } = await devices.ask(
      `mutation ($id: ID!) { updateDevice(input: {id: $id, labels: [{key: "site", value: "ulm"}]}) {
        device { labels { key value } } } }`,
      { id: registerDevice.device?.id },
    );
    expect(updateDevice.device?.labels).toEqual([{ key: 'site', value: 'ulm' }]);
  });

  it('are set and removed on a whole selection, and only what differs is changed and told', async () => {
    for (const name of ['a', 'b', 'c']) await devices.register(name);
    expect(await label('site=berlin', { nameContains: '' })).toBe(3);
    expect(await label('site=berlin,tier=gold', { name: 'a' })).toBe(1);
    expect(await label('site=berlin', {})).toBe(0);
    const { labelDevices } = await devices.ask(LABEL, { input: { selection: {}, remove: ['tier'] } });
    expect(labelDevices).toEqual({ changed: 1, userErrors: [] });
    const facts = (await devices.log.readAfter(devices.workspace, 0n, 100)).filter(
      ({ type }) => type === 'aegis.device.labelled',
    );
    expect(facts.map(({ data }) => (data as { devices: { name: string }[] }).devices.length)).toEqual([
      3, 1, 1,
    ]);
  });

  it('are refused with everything that is wrong at once', async () => {
    const input = { selection: {}, set: [{ key: '-a', value: 'b.' }], remove: ['a b'] };
    const { labelDevices } = await devices.ask(LABEL, { input });
    expect(labelDevices.changed).toBeNull();
    expect(labelDevices.userErrors.map(({ path }) => path.join('.'))).toEqual([
      'set.0.key',
      'set.0.value',
      'remove.0',
    ]);
  });

  it('are no more than 64 on a device, or nothing is changed', async () => {
    await devices.register('a');
    const set = Array.from({ length: 64 }, (_, index) => ({ key: `k${index}`, value: 'v' }));
    expect((await devices.ask(LABEL, { input: { selection: {}, set } })).labelDevices.changed).toBe(1);
    const { labelDevices } = await devices.ask(LABEL, {
      input: { selection: {}, set: [{ key: 'one-more', value: 'v' }] },
    });
    expect(labelDevices.userErrors.map(({ code, path }) => [code, ...path])).toEqual([
      ['BAD_USER_INPUT', 'set'],
    ]);
    expect(await list({ labels: 'one-more' })).toEqual([]);
  });
});

describe('a selection of devices', () => {
  it('goes by labels as Kubernetes does', async () => {
    for (const name of ['a', 'b', 'c']) await devices.register(name);
    await label('site=berlin,tier=gold', { name: 'a' });
    await label('site=berlin,tier=silver', { name: 'b' });
    expect(await list({ labels: 'site=berlin' })).toEqual(['a', 'b']);
    expect(await list({ labels: 'site=berlin,tier!=gold' })).toEqual(['b']);
    expect(await list({ labels: 'tier in (gold, bronze)' })).toEqual(['a']);
    expect(await list({ labels: 'tier notin (gold)' })).toEqual(['b', 'c']);
    expect(await list({ labels: '!site' })).toEqual(['c']);
    expect(await list({ labels: 'site' })).toEqual(['a', 'b']);
  });

  it('compares the newest readings', async () => {
    for (const name of ['cold', 'warm', 'silent']) await devices.register(name);
    await devices.register('other', ['humidity']);
    const at = Date.now();
    await devices.send('cold', [
      { ts: at - 2_000, values: { temperature: 90 } },
      { ts: at - 1_000, values: { temperature: 10 } },
    ]);
    await devices.send('warm', [{ ts: at - 3_600_000, values: { temperature: 35.5 } }]);
    const where = (condition: object) => list({ properties: [{ metric: 'temperature', ...condition }] });
    expect(await where({ greaterThan: 30 })).toEqual(['warm']);
    expect(await where({ lessThan: 35.5 })).toEqual(['cold']);
    expect(await where({ atMost: 35.5 })).toEqual(['cold', 'warm']);
    expect(await where({ atLeast: 10, lessThan: 30 })).toEqual(['cold']);
    expect(await where({ equals: 35.5 })).toEqual(['warm']);
    expect(await where({ notEquals: 35.5 })).toEqual(['cold']);
    expect(await where({ atMost: 100, withinSeconds: 60 })).toEqual(['cold']);
  });

  it('goes by who can be reached, and by when they were heard from', async () => {
    for (const name of ['here', 'silent']) await devices.register(name);
    await devices.send('here', { temperature: 1 });
    await waitFor(
      'it counts as heard from',
      async () => (await list({ connectivity: 'ONLINE' })).length === 1,
    );
    expect(await list({ connectivity: 'ONLINE' })).toEqual(['here']);
    expect(await list({ connectivity: 'UNKNOWN' })).toEqual(['silent']);
    const lastMinute = new Date(Date.now() - 60_000).toISOString();
    expect(await list({ lastSeenAfter: lastMinute })).toEqual(['here']);
    expect(await list({ lastSeenBefore: lastMinute })).toEqual(['silent']);
    expect(await list({}, 'LAST_SEEN_DESC')).toEqual(['here', 'silent']);
  });

  it('takes one statement to find devices and one to read them, whatever is asked of them', async () => {
    for (const name of ['a', 'b', 'c']) await devices.register(name);
    await devices.send('a', { temperature: 31 });
    const group = await createGroup({ name: 'hot', selection: { labels: '!cold' } });
    statements.length = 0;
    const filter = {
      labels: '!retired',
      metric: 'temperature',
      properties: [{ metric: 'temperature', greaterThan: 30 }],
    };
    expect(await list(filter)).toEqual(['a']);
    expect(statements).toHaveLength(2);
    statements.length = 0;
    expect(await list({ ...filter, groups: [group] })).toEqual(['a']);
    expect(statements).toHaveLength(3);
  });

  it('pages in every order without leaving one out', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await devices.register(name);
    const orders = [
      'NAME_ASC',
      'NAME_DESC',
      'CREATED_AT_ASC',
      'CREATED_AT_DESC',
      'LAST_SEEN_ASC',
      'LAST_SEEN_DESC',
    ];
    for (const orderBy of orders) {
      const seen: string[] = [];
      let after: string | null | undefined;
      for (let pages = 0; pages < 3; pages += 1) {
        const data = await devices.ask(LIST, { first: 2, after, orderBy });
        seen.push(...data.devices.edges.map(({ node }) => node.name));
        after = data.devices.pageInfo.endCursor;
      }
      expect([...seen].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
  });

  it.each([
    [{ labels: 'a >' }, 'labels: expected'],
    [{ properties: [{ metric: 'temperature' }] }, 'properties.0: expected one of'],
    [{ properties: [{ metric: 'a b', equals: 1 }] }, 'properties.0.metric'],
    [{ groups: ['nobody'] }, 'groups: there is no device group'],
  ])('refuses %j and says why', async (filter, message) => {
    await expect(list(filter)).rejects.toThrow(message);
  });

  it('finds nothing by a text that no row can hold', async () => {
    await devices.register('a');
    expect(await list({ name: 'a\u0000' })).toEqual([]);
    expect(await list({ nameContains: '%' })).toEqual([]);
  });
});

describe('a group of devices', () => {
  it('has its members, and what its selection means at the moment of asking', async () => {
    const [a] = [await devices.register('a'), await devices.register('b'), await devices.register('c')];
    await label('site=berlin', { name: 'b' });
    const id = await createGroup({ name: 'berlin', deviceIds: [a], selection: { labels: 'site=berlin' } });
    expect(await list({ groups: [id] })).toEqual(['a', 'b']);
    expect(await list({ groups: ['berlin'], name: 'b' })).toEqual(['b']);
    await label('site=berlin', { name: 'c' });
    const { deviceGroup } = await devices.ask(
      `query ($id: ID!) { deviceGroup(id: $id) { count selection devices { edges { node { name groups { name } } } } } }`,
      { id },
    );
    expect(deviceGroup).toEqual({
      count: 3,
      selection: '{"labels":"site=berlin"}',
      devices: {
        edges: [
          { node: { name: 'a', groups: [{ name: 'berlin' }] } },
          { node: { name: 'b', groups: [] } },
          { node: { name: 'c', groups: [] } },
        ],
      },
    });
  });

  it('loses a device that is removed, and takes members in and out', async () => {
    const [a, b] = [await devices.register('a'), await devices.register('b')];
    const id = await createGroup({ name: 'g', deviceIds: [a] });
    const change = (input: object) => devices.ask(UPDATE, { input: { id, ...input } });
    expect((await change({ addDeviceIds: [b, a] })).updateDeviceGroup.group?.count).toBe(2);
    expect((await change({ removeDeviceIds: [a] })).updateDeviceGroup.group?.count).toBe(1);
    await devices.ask(`mutation ($id: ID!) { removeDevice(input: {id: $id}) { deviceId } }`, { id: b });
    expect(await list({ groups: [id] })).toEqual([]);
  });

  it('changes nothing when one of the devices is not there', async () => {
    const id = await createGroup({ name: 'g' });
    const missing = `dev_${'0'.repeat(32)}`;
    const input = { id, name: 'h', addDeviceIds: [missing] };
    const { updateDeviceGroup } = await devices.ask(UPDATE, { input });
    expect(updateDeviceGroup.userErrors).toEqual([{ code: 'NOT_FOUND', path: ['addDeviceIds'] }]);
    const { deviceGroup } = await devices.ask(`query ($id: ID!) { deviceGroup(id: $id) { name } }`, { id });
    expect(deviceGroup?.name).toBe('g');
  });

  it('is refused with a taken name, and with a selection by groups', async () => {
    await createGroup({ name: 'g' });
    const input = { name: 'g', selection: { groups: ['g'] } };
    const { createDeviceGroup } = await devices.ask(CREATE, { input });
    expect(createDeviceGroup.userErrors.map(({ code, path }) => [code, ...path])).toEqual([
      ['BAD_USER_INPUT', 'selection'],
    ]);
    const again = await devices.ask(CREATE, { input: { name: 'g' } });
    expect(again.createDeviceGroup.userErrors.map(({ code, path }) => [code, ...path])).toEqual([
      ['CONFLICT', 'name'],
    ]);
  });

  it('is listed by name, page by page, with the counts of all in one statement', async () => {
    await devices.register('a');
    for (const name of ['x', 'y', 'z']) await createGroup({ name, selection: { name: 'a' } });
    const LISTED = `query ($after: String) { deviceGroups(first: 2, after: $after) {
      edges { node { name count } } pageInfo { hasNextPage endCursor } } }`;
    statements.length = 0;
    const { deviceGroups: page } = await devices.ask(LISTED);
    expect(statements).toHaveLength(3);
    expect(page.edges.map(({ node }) => [node.name, node.count])).toEqual([
      ['x', 1],
      ['y', 1],
    ]);
    const { deviceGroups: rest } = await devices.ask(LISTED, { after: page.pageInfo.endCursor });
    expect(rest.edges.map(({ node }) => node.name)).toEqual(['z']);
  });
});

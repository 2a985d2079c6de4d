import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { waitFor } from '../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import { openDevices, type Answer, type TestDevices } from './support/open-devices.js';

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

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) {
    device { id name description metrics { name unit description minimum maximum } createdAt updatedAt }
    userErrors { code message path }
  }
}`;
const UPDATE = `mutation ($input: UpdateDeviceInput!) {
  updateDevice(input: $input) { device { id name description metrics { name unit } } userErrors { code path } }
}`;
const REMOVE = `mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId userErrors { code path } } }`;
const LIST = `query ($first: Int, $after: String, $filter: DeviceFilter, $orderBy: DeviceOrder) {
  devices(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}`;
const ENTITIES = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) {
    ... on Device { name metrics { name } latest { metric value device { name } } }
  }
}`;
const SERIES = `query ($id: ID!, $metric: String!, $range: TimeRange!, $limit: Int = 1000) {
  device(id: $id) { series(metric: $metric, range: $range, limit: $limit) {
    metric unit truncated points { measuredAt value }
  } }
}`;

const namesOf = (data: Answer): string[] => data.devices.edges.map(({ node }) => node.name);

/** Stores values of a metric, the first measured at an instant, each further one a second later. */
async function store(
  device: string,
  metric: string,
  values: readonly number[],
  firstAtMs = Date.UTC(2026, 0, 1),
) {
  const entries = values.map((value, index) => ({
    ts: firstAtMs + 1_000 * index,
    values: { [metric]: value },
  }));
  expect(await devices.send(device, entries)).toEqual({ accepted: values.length, repeated: 0 });
}

async function factsOf(id: string): Promise<unknown[]> {
  const events = await devices.log.readAfter(devices.workspace, 0n, 1_000);
  return events
    .filter(({ subject }) => subject === id)
    .map(({ type, source, data }) => ({ type, source, data }));
}

describe('registering a device', () => {
  it('gives it back as it was declared and states the fact', async () => {
    const input = {
      name: 'boiler',
      description: 'in the cellar',
      metrics: [
        { name: 'temperature', unit: 'Cel', minimum: -40, maximum: 120, description: 'of the water' },
        { name: 'load', unit: '%' },
      ],
    };
    const { registerDevice } = await devices.ask(REGISTER, { input });
    expect(registerDevice.userErrors).toEqual([]);
    expect(registerDevice.device).toMatchObject({
      id: expect.stringMatching(/^dev_[0-9a-f]{32}$/),
      name: 'boiler',
      description: 'in the cellar',
      metrics: [
        { name: 'temperature', unit: 'Cel', minimum: -40, maximum: 120, description: 'of the water' },
        { name: 'load', unit: '%', minimum: null, maximum: null, description: null },
      ],
    });
    const id = registerDevice.device?.id ?? '';
    const metrics = [
      { name: 'temperature', unit: 'Cel' },
      { name: 'load', unit: '%' },
    ];
    expect(await factsOf(id)).toEqual([
      { type: 'aegis.device.registered', source: '/devices', data: { id, name: 'boiler', metrics } },
    ]);
  });

  it('refuses everything that is wrong at once, a taken name among it', async () => {
    await devices.register('one');
    const input = { name: 'one', metrics: [{ name: 'a b', unit: '' }] };
    const { registerDevice } = await devices.ask(REGISTER, { input });
    expect(registerDevice.device).toBeNull();
    expect(registerDevice.userErrors.map(({ code, path }) => [code, path.join('.')])).toEqual([
      ['BAD_USER_INPUT', 'metrics.0.name'],
      ['BAD_USER_INPUT', 'metrics.0.unit'],
      ['CONFLICT', 'name'],
    ]);
  });

  it('lets one of two at the same moment have the name', async () => {
    const input = { name: 'wanted', metrics: [{ name: 'm', unit: '1' }] };
    const results = await Promise.all([devices.ask(REGISTER, { input }), devices.ask(REGISTER, { input })]);
    expect(
      results.map(({ registerDevice }) => registerDevice.userErrors.map(({ code }) => code)).sort(),
    ).toEqual([[], ['CONFLICT']]);
  });

  it('keeps workspaces apart', async () => {
    const other = await openDevices({ database });
    const id = await other.register('same');
    await devices.register('same');
    expect((await devices.ask('query ($id: ID!) { device(id: $id) { id } }', { id })).device).toBeNull();
    expect((await devices.ask(REMOVE, { id })).removeDevice.userErrors).toMatchObject([
      { code: 'NOT_FOUND' },
    ]);
    await other.close();
  });
});

describe('changing a device', () => {
  it('leaves what is left out as it is, and replaces metrics as a whole', async () => {
    const id = await devices.register('one', ['a', 'b']);
    const renamed = await devices.ask(UPDATE, { input: { id, name: 'two', description: 'x' } });
    expect(renamed.updateDevice.device).toMatchObject({
      name: 'two',
      description: 'x',
      metrics: [{ name: 'a' }, { name: 'b' }],
    });
    const metrics = [
      { name: 'c', unit: 'K' },
      { name: 'a', unit: 'Cel' },
    ];
    const changed = await devices.ask(UPDATE, { input: { id, description: null, metrics } });
    expect(changed.updateDevice.device).toEqual({ id, name: 'two', description: null, metrics });
    expect(await factsOf(id)).toMatchObject([
      { type: 'aegis.device.registered' },
      { type: 'aegis.device.updated', data: { name: 'two', metrics: [{ name: 'a' }, { name: 'b' }] } },
      { type: 'aegis.device.updated', data: { name: 'two', metrics: [{ name: 'c' }, { name: 'a' }] } },
    ]);
  });

  it('refuses an unknown device and a taken name, but lets it keep its own', async () => {
    const id = await devices.register('one');
    await devices.register('two');
    const errorsOf = async (input: unknown) => (await devices.ask(UPDATE, { input })).updateDevice.userErrors;
    expect(await errorsOf({ id: 'dev_none', name: 'x' })).toEqual([{ code: 'NOT_FOUND', path: ['id'] }]);
    expect(await errorsOf({ id: 'a\u0000', name: 'x' })).toEqual([{ code: 'NOT_FOUND', path: ['id'] }]);
    expect(await errorsOf({ id, name: 'two' })).toEqual([{ code: 'CONFLICT', path: ['name'] }]);
    expect(await errorsOf({ id, name: 'one' })).toEqual([]);
  });

  it('takes readings by its new name at once, and no longer by the former one', async () => {
    const id = await devices.register('one');
    await store('one', 'temperature', [1]);
    await devices.ask(UPDATE, { input: { id, name: 'two' } });
    await store('two', 'temperature', [2], Date.UTC(2026, 0, 2));
    expect(await devices.send('one', { temperature: 3 })).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });

  it('keeps old readings in the unit that they were measured in', async () => {
    const id = await devices.register('one');
    await store(id, 'temperature', [20]);
    await devices.ask(UPDATE, { input: { id, metrics: [{ name: 'temperature', unit: 'K' }] } });
    const latest = '{ device(id: "ID") { latest { value unit } } }'.replace('ID', id);
    expect((await devices.ask(latest)).device?.latest).toEqual([{ value: 20, unit: 'Cel' }]);
    await store(id, 'temperature', [293], Date.UTC(2026, 0, 2));
    const range = { from: '2026-01-01T00:00:00Z' };
    const { device } = await devices.ask(SERIES, { id, metric: 'temperature', range });
    expect(device?.series).toMatchObject({ unit: 'K', points: [{ value: 293 }], truncated: false });
  });
});

describe('removing a device', () => {
  it('removes its readings with it, states the fact and takes no more of them', async () => {
    const id = await devices.register('one');
    await store(id, 'temperature', [1, 2, 3]);
    expect((await devices.ask(REMOVE, { id })).removeDevice).toEqual({ deviceId: id, userErrors: [] });
    const { client } = database.inWorkspace(devices.workspace);
    expect(await client.deviceMetric.count()).toBe(0);
    expect(await factsOf(id)).toMatchObject([
      { type: 'aegis.device.registered' },
      { type: 'aegis.device.removed' },
    ]);
    expect(await devices.send(id, { temperature: 3 })).toMatchObject({ error: { code: 'NOT_FOUND' } });
    await waitFor('its readings are deleted', async () => (await client.reading.count()) === 0);
    expect((await devices.ask(REMOVE, { id })).removeDevice.userErrors).toEqual([
      { code: 'NOT_FOUND', path: ['id'] },
    ]);
  });
});

describe('the list of devices', () => {
  const NAMES = ['alpha', 'beta', 'ga_mma', 'gaxmma', 'zeta'];

  beforeEach(async () => {
    for (const name of NAMES) await devices.register(name, name === 'beta' ? ['pressure'] : ['temperature']);
  });

  it.each(['NAME_ASC', 'NAME_DESC', 'CREATED_AT_ASC', 'CREATED_AT_DESC'])(
    'pages through all of them by %s',
    async (orderBy) => {
      const seen: string[] = [];
      let after: string | null | undefined = null;
      do {
        const { devices: page }: Answer = await devices.ask(LIST, { first: 2, after, orderBy });
        seen.push(...page.edges.map(({ node }) => node.name));
        expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
        after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
      } while (after !== null);
      expect(seen).toEqual(orderBy.endsWith('DESC') ? [...NAMES].reverse() : NAMES);
    },
  );

  it.each<[object, string[]]>([
    [{ name: 'beta' }, ['beta']],
    [{ name: 'bet' }, []],
    [{ nameContains: 'ETA' }, ['beta', 'zeta']],
    [{ nameContains: 'a_m' }, ['ga_mma']],
    [{ nameContains: '%' }, []],
    [{ nameContains: '\\' }, []],
    [{ metric: 'pressure' }, ['beta']],
    [{ metric: 'temperature', nameContains: 'z' }, ['zeta']],
    [{ name: 'a\u0000' }, []],
  ])('filters by %j', async (filter, names) => {
    expect(namesOf(await devices.ask(LIST, { filter }))).toEqual(names);
  });

  it('refuses a page size out of bounds and a cursor of another order', async () => {
    const codeOf = async (variables: Record<string, unknown>) =>
      (await devices.run(LIST, variables)).errors?.[0]?.extensions['code'];
    const { devices: page } = await devices.ask(LIST, { first: 1 });
    expect(await codeOf({ first: 0 })).toBe('BAD_USER_INPUT');
    expect(await codeOf({ first: 101 })).toBe('BAD_USER_INPUT');
    expect(await codeOf({ after: 'nonsense' })).toBe('BAD_USER_INPUT');
    expect(await codeOf({ after: page.pageInfo.endCursor, orderBy: 'CREATED_AT_ASC' })).toBe(
      'BAD_USER_INPUT',
    );
  });
});

describe('the readings of a device', () => {
  it('shows the newest of each metric by its time, in the order of declaration', async () => {
    const id = await devices.register('one', ['b', 'a', 'silent']);
    await store(id, 'a', [1, 2, 3]);
    await store(id, 'b', [9]);
    await store(id, 'a', [0], Date.UTC(2025, 0, 1));
    const query =
      'query ($id: ID!, $metrics: [String!]) { device(id: $id) { latest(metrics: $metrics) { metric value unit measuredAt } } }';
    const { device } = await devices.ask(query, { id });
    expect(device?.latest).toEqual([
      { metric: 'b', value: 9, unit: 'Cel', measuredAt: '2026-01-01T00:00:00.000Z' },
      { metric: 'a', value: 3, unit: 'Cel', measuredAt: '2026-01-01T00:00:02.000Z' },
    ]);
    const chosen = await devices.ask(query, { id, metrics: ['a', 'nobody', '\u0000'] });
    expect(chosen.device?.latest).toMatchObject([{ metric: 'a', value: 3 }]);
  });

  it('shows the newest of a metric once however often it is named, of at most 256 names', async () => {
    const id = await devices.register('one', ['a']);
    await store(id, 'a', [1]);
    const query =
      'query ($id: ID!, $metrics: [String!]) { device(id: $id) { latest(metrics: $metrics) { value } } }';
    const named = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`);
    const often = await devices.ask(query, { id, metrics: Array.from({ length: 500 }, () => 'a') });
    expect(often.device?.latest).toEqual([{ value: 1 }]);
    const most = await devices.ask(query, { id, metrics: ['a', ...named(255)] });
    expect(most.device?.latest).toEqual([{ value: 1 }]);
    const { errors } = await devices.run(query, { id, metrics: ['a', ...named(256)] });
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  });

  it('gives a series oldest first, from its beginning up to but without its end, and says when it is cut off', async () => {
    const id = await devices.register('one');
    await store(id, 'temperature', [0, 1, 2, 3, 4]);
    const range = { from: '2026-01-01T00:00:01Z', to: '2026-01-01T00:00:04Z' };
    const whole = await devices.ask(SERIES, { id, metric: 'temperature', range });
    expect(whole.device?.series).toEqual({
      metric: 'temperature',
      unit: 'Cel',
      truncated: false,
      points: [1, 2, 3].map((value) => ({ measuredAt: `2026-01-01T00:00:0${value}.000Z`, value })),
    });
    const cut = await devices.ask(SERIES, { id, metric: 'temperature', range, limit: 2 });
    expect(cut.device?.series).toMatchObject({ truncated: true, points: [{ value: 1 }, { value: 2 }] });
  });

  it('gives an empty series where nothing was measured', async () => {
    const id = await devices.register('one');
    const range = { from: '2026-01-01T00:00:00Z' };
    const { device } = await devices.ask(SERIES, { id, metric: 'temperature', range });
    expect(device?.series).toEqual({ metric: 'temperature', unit: 'Cel', truncated: false, points: [] });
  });

  it('refuses a series of an undeclared metric, a wrong limit and a wrong range', async () => {
    const id = await devices.register('one');
    const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' };
    const errorOf = async (variables: Record<string, unknown>) =>
      (await devices.run(SERIES, { id, metric: 'temperature', range, ...variables })).errors?.[0];
    expect((await errorOf({ metric: 'pressure' }))?.message).toMatch(
      /declares \(temperature\), got "pressure"/,
    );
    expect((await errorOf({ metric: '\u0000' }))?.extensions['code']).toBe('BAD_USER_INPUT');
    expect((await errorOf({ limit: 0 }))?.extensions['code']).toBe('BAD_USER_INPUT');
    expect((await errorOf({ limit: 10_001 }))?.extensions['code']).toBe('BAD_USER_INPUT');
    expect((await errorOf({ range: { from: range.to, to: range.from } }))?.extensions['code']).toBe(
      'BAD_USER_INPUT',
    );
  });
});

describe('batching', () => {
  it('resolves 100 references, their metrics and latest readings in a constant number of statements', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 100; index += 1) ids.push(await devices.register(`d${index}`, ['a', 'b']));
    await store(ids[7] ?? '', 'b', [5]);
    const representationsOf = (some: readonly string[]) => ({
      representations: some.map((id) => ({ __typename: 'Device', id })),
    });
    const countFor = async (some: readonly string[]) => {
      statements.length = 0;
      const { _entities: entities } = await devices.ask(ENTITIES, representationsOf(some));
      return { count: statements.length, entities };
    };
    const hundred = await countFor(ids);
    expect(hundred.entities).toHaveLength(100);
    expect(hundred.entities[7]).toEqual({
      name: 'd7',
      metrics: [{ name: 'a' }, { name: 'b' }],
      latest: [{ metric: 'b', value: 5, device: { name: 'd7' } }],
    });
    expect(hundred.count).toBe((await countFor(ids.slice(7, 8))).count);
    expect(hundred.count).toBeLessThanOrEqual(3);
  });

  it('reads the series of a whole page in one statement', async () => {
    for (const name of ['one', 'two', 'three'])
      await store(await devices.register(name), 'temperature', [1, 2]);
    const query = `{ devices { edges { node { series(metric: "temperature", range: { from: "2026-01-01T00:00:00Z" }) {
      points { value }
    } } } } }`;
    statements.length = 0;
    const data = await devices.ask(query);
    expect(data.devices.edges.map(({ node }) => node.series.points.length)).toEqual([2, 2, 2]);
    expect(statements.filter((sql) => sql.includes('devices.readings'))).toHaveLength(1);
    expect(statements.length).toBeLessThanOrEqual(3);
  });

  it('resolves a reference to a device that is not there to null', async () => {
    const representations = [
      { __typename: 'Device', id: 'dev_none' },
      { __typename: 'Device', id: '\u0000' },
    ];
    expect(await devices.ask(ENTITIES, { representations })).toEqual({ _entities: [null, null] });
  });
});

describe('health', () => {
  it('is up while the database answers and the broker listens', async () => {
    expect(await devices.subgraph.health()).toEqual({ state: 'UP' });
    await devices.close();
    expect(await devices.subgraph.health()).toMatchObject({ state: 'DOWN' });
  });
});

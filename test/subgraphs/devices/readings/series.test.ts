import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The beginning of an hour of the day before yesterday. */
const HOUR_AT = Math.floor((Date.now() - 48 * HOUR_MS) / HOUR_MS) * HOUR_MS;

const opened = createOpened();
const openedByTest = createOpened();
const statements: string[] = [];
let database: Database;
let devices: TestDevices;
let deviceId: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase({ onStatement: (sql) => statements.push(sql) }));
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  deviceId = await devices.register('sensor', ['temperature', 'humidity']);
});
afterEach(openedByTest.close);

type Sent = readonly [at: number, value: number, quality?: string];

async function send(device: string, values: readonly Sent[], metric = 'temperature'): Promise<void> {
  const entries = values.map(([at, value, quality = 'GOOD']) => ({
    ts: HOUR_AT + at,
    values: { [metric]: value },
    quality,
  }));
  expect(await devices.send(device, entries)).toMatchObject({ accepted: values.length });
}

const rollUp = () =>
  waitFor('the roll-ups are current', async () => {
    const { readingStorage } = await devices.ask('{ readingStorage { readingsBehindRollups } }');
    return readingStorage.readingsBehindRollups === 0;
  });

const SERIES = `query ($id: ID!, $range: TimeRange!, $stepMs: Float, $aggregate: SeriesAggregate) {
  device(id: $id) {
    series(metric: "temperature", range: $range, stepMs: $stepMs, aggregate: $aggregate) {
      unit resolution stepMs aggregate truncated points { measuredAt value count quality }
    }
  }
}`;

const at = (ms: number) => new Date(HOUR_AT + ms).toISOString();

interface Asked {
  readonly from?: number;
  readonly to?: number;
  readonly stepMs?: number;
  readonly aggregate?: string;
}

async function series({ from = 0, to = 2 * HOUR_MS, stepMs, aggregate = 'AVG' }: Asked) {
  const variables = { id: deviceId, range: { from: at(from), to: at(to) }, stepMs, aggregate };
  const { device } = await devices.ask(SERIES, variables);
  if (!device) throw new Error('there is no device');
  return device.series;
}

const points = async (asked: Asked) =>
  (await series(asked)).points.map(({ measuredAt, value }) => [
    new Date(measuredAt).getTime() - HOUR_AT,
    value,
  ]);

describe('a series in steps', () => {
  it.each([
    ['AVG', [3, 8]],
    ['MIN', [1, 8]],
    ['MAX', [5, 8]],
    ['SUM', [9, 8]],
    ['COUNT', [3, 1]],
    ['LAST', [3, 8]],
  ])(
    'tells the %s of each minute and hour, the same from roll-ups and from readings',
    async (aggregate, values) => {
      await send(deviceId, [
        [1, 5],
        [20_000, 1],
        [59_999, 3],
        [HOUR_MS, 8],
      ]);
      const wanted = [0, HOUR_MS].map((start, index) => [start, values[index]]);
      const steps = [MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, MINUTE_MS - 1];
      const behind = await Promise.all(steps.slice(0, 3).map((stepMs) => points({ stepMs, aggregate })));
      expect(behind).toEqual([wanted, wanted, wanted]);
      await rollUp();
      const rolledUp = await Promise.all(steps.slice(0, 3).map((stepMs) => points({ stepMs, aggregate })));
      expect(rolledUp).toEqual([wanted, wanted, wanted]);
      // A step of its own is made of the readings.
      expect(
        (await points({ stepMs: 30 * MINUTE_MS + 1, aggregate })).map(([, value]) => value),
      ).toHaveLength(2);
    },
  );

  it('says what it was made from: hours, minutes or readings, the coarsest that serves', async () => {
    await send(deviceId, [[0, 1]]);
    expect(await series({ stepMs: 2 * HOUR_MS })).toMatchObject({ resolution: 'HOUR', aggregate: 'AVG' });
    expect(await series({ stepMs: 5 * MINUTE_MS, aggregate: 'COUNT' })).toMatchObject({
      resolution: 'MINUTE',
      unit: '1',
    });
    expect(await series({ stepMs: 10_000 })).toMatchObject({
      resolution: 'RAW',
      stepMs: 10_000,
      unit: 'Cel',
    });
    expect(await series({})).toMatchObject({ resolution: 'RAW', stepMs: null, aggregate: null });
  });

  it('is never behind, and counts nothing twice, while readings come and are rolled up', async () => {
    for (let round = 1; round <= 15; round += 1) {
      await send(deviceId, [[round * 1_000, round]]);
      expect(await points({ stepMs: HOUR_MS, aggregate: 'COUNT' })).toEqual([[0, round]]);
      expect(await points({ stepMs: MINUTE_MS, aggregate: 'SUM' })).toEqual([[0, (round * (round + 1)) / 2]]);
    }
  });

  it('widens the range to whole steps, and leaves out what is BAD or STALE or in a former unit', async () => {
    await send(deviceId, [
      [0, 1],
      [MINUTE_MS - 1, 3],
      [1, 100, 'BAD'],
      [2, 100, 'STALE'],
      [MINUTE_MS, 7],
    ]);
    expect(await points({ from: 30_000, to: 40_000, stepMs: MINUTE_MS })).toEqual([[0, 2]]);
    expect(await points({ from: 30_000, to: 40_000, stepMs: 60_001 - 1 })).toEqual([[0, 2]]);
    expect((await series({ to: 2 })).points.map(({ value, quality }) => [value, quality])).toEqual([
      [1, 'GOOD'],
      [100, 'BAD'],
    ]);
  });

  it('refuses more points than it gives, and tells the least step that it would take', async () => {
    const asked = { id: deviceId, range: { from: at(0), to: at(24 * HOUR_MS) }, aggregate: 'AVG' };
    const { errors } = await devices.run(SERIES, { ...asked, stepMs: 1_000 });
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
    const least = Number(/ask for (?<step>\d+) or more/.exec(errors?.[0]?.message ?? '')?.groups?.['step']);
    expect(least).toBe(10_000);
    expect((await devices.run(SERIES, { ...asked, stepMs: least })).errors).toBeUndefined();
  });

  it.each([[0], [0.5], [-1], [1e15]])('refuses a step of %d', async (stepMs) => {
    const { errors } = await devices.run(SERIES, { id: deviceId, range: { from: at(0) }, stepMs });
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  });

  it('is still there when the readings are not', async () => {
    await send(deviceId, [[0, 4]]);
    await rollUp();
    await database.inWorkspace(devices.workspace).client.reading.deleteMany({});
    expect(await points({ stepMs: HOUR_MS })).toEqual([[0, 4]]);
  });
});

describe('series of many devices', () => {
  const MANY = `query ($ids: [ID!], $filter: DeviceFilter, $metrics: [String!]!, $range: TimeRange!, $stepMs: Float!) {
    deviceSeries(deviceIds: $ids, filter: $filter, metrics: $metrics, range: $range, stepMs: $stepMs, aggregate: MAX) {
      device { name } series { metric points { value } }
    }
  }`;

  it('are read in as many statements for fifty as for one', async () => {
    const ids = [deviceId];
    for (let index = 1; index < 50; index += 1) ids.push(await devices.register(`sensor-${index}`));
    for (const [index, id] of ids.entries()) await send(id, [[0, index]]);
    await rollUp();
    const ask = async (deviceIds: readonly string[]) => {
      const variables = {
        ids: deviceIds,
        metrics: ['temperature', 'humidity'],
        range: { from: at(0), to: at(HOUR_MS) },
        stepMs: HOUR_MS,
      };
      statements.length = 0;
      const { deviceSeries } = await devices.ask(MANY, variables);
      return {
        deviceSeries,
        count: statements.filter((sql) => !/^(?:BEGIN|COMMIT)/.test(sql) && sql.includes('track')).length,
      };
    };
    const one = await ask(ids.slice(0, 1));
    const all = await ask(ids);
    expect(all.count).toBe(1);
    expect(one.count).toBe(1);
    expect(all.deviceSeries).toHaveLength(50);
    const found = new Map(all.deviceSeries.map(({ device, series: list }) => [device?.name, list]));
    expect(found.get('sensor-7')).toEqual([{ metric: 'temperature', points: [{ value: 7 }] }]);
    // It declares both, and has readings of one.
    expect(found.get('sensor')?.map(({ metric, points: list }) => [metric, list.length])).toEqual([
      ['temperature', 1],
      ['humidity', 0],
    ]);
  }, 60_000);

  it('are of the devices that a filter selects, and refuse more points than they give', async () => {
    await devices.register('other');
    const variables = { metrics: ['temperature'], range: { from: at(0), to: at(HOUR_MS) }, stepMs: HOUR_MS };
    const { deviceSeries } = await devices.ask(MANY, { ...variables, filter: { nameContains: 'sens' } });
    expect(deviceSeries.map(({ device }) => device?.name)).toEqual(['sensor']);
    const { errors } = await devices.run(MANY, { ...variables, stepMs: 300 });
    expect(errors?.[0]?.message).toMatch(/at most 10000 are given; ask for 500 or more/);
  });
});

describe('the newest readings', () => {
  it('of fifty devices, three of each of four metrics, are one statement', async () => {
    const metrics = ['a', 'b', 'c', 'd'];
    for (let index = 0; index < 49; index += 1) {
      const id = await devices.register(`many-${index}`, metrics);
      const entries = [1, 2, 3, 4].map((n) => ({
        ts: HOUR_AT + n,
        values: Object.fromEntries(metrics.map((name) => [name, n])),
      }));
      await devices.send(id, entries);
    }
    statements.length = 0;
    const { devices: page } = await devices.ask(
      '{ devices(first: 50) { edges { node { recent(metrics: ["a", "b", "c", "d"], count: 3) { metric value } } } } }',
    );
    expect(statements.filter((sql) => sql.includes('devices.readings'))).toHaveLength(1);
    expect(statements.length).toBeLessThanOrEqual(3);
    const [first] = page.edges;
    expect(first?.node.recent.map(({ metric, value }) => `${metric}${value}`).join(' ')).toBe(
      'a4 a3 a2 b4 b3 b2 c4 c3 c2 d4 d3 d2',
    );
  }, 60_000);

  it('refuses a count out of bounds', async () => {
    const { errors } = await devices.run(
      'query ($id: ID!) { device(id: $id) { recent(count: 101) { value } } }',
      {
        id: deviceId,
      },
    );
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  });
});

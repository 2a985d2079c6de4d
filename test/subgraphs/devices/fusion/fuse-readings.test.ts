import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import {
  createFuseReadings,
  type FuseReadingsDeps,
} from '../../../../subgraphs/devices/fusion/fuse-readings.js';
import { createUnits } from '../../../../subgraphs/devices/profiles/units.js';
import { readTracks } from '../../../../subgraphs/devices/readings/metric-tracks.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
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

const FUSE = `query ($deviceIds: [ID!]!, $metric: String = "temperature", $range: TimeRange!, $config: FuseReadingsConfig) {
  fuseReadings(deviceIds: $deviceIds, metric: $metric, range: $range, config: $config) {
    metric unit method alignment stepMs maxGapMs
    points { at value variance used { deviceId value variance } refused { deviceId value reason } }
  }
}`;
const UPDATE = `mutation ($input: UpdateDeviceInput!) { updateDevice(input: $input) { userErrors { message } } }`;

const FIRST_AT_MS = Date.UTC(2026, 0, 1);
const RANGE = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:04Z' };
const SECONDLY = { stepMs: 1_000, maxGapMs: 2_000 };

const idsOf = (inputs: readonly { readonly deviceId: string }[]) => inputs.map(({ deviceId }) => deviceId);

/** Registers a device that has measured values, each as seconds after the beginning of the range and value. */
async function deviceWith(name: string, readings: readonly (readonly [number, number])[]): Promise<string> {
  const id = await devices.register(name);
  const entries = readings.map(([second, value]) => ({
    ts: FIRST_AT_MS + second * 1_000,
    values: { temperature: value },
  }));
  if (entries.length > 0) {
    expect(await devices.send(id, entries)).toEqual({ accepted: entries.length, repeated: 0 });
  }
  return id;
}

async function declare(id: string, metric: Readonly<Record<string, unknown>>): Promise<void> {
  const { updateDevice } = await devices.ask(UPDATE, {
    input: { id, metrics: [{ name: 'temperature', unit: 'Cel', ...metric }] },
  });
  expect(updateDevice.userErrors).toEqual([]);
}

async function fuse(variables: Readonly<Record<string, unknown>>) {
  return (await devices.ask(FUSE, { range: RANGE, ...variables })).fuseReadings;
}

async function refusalOf(variables: Readonly<Record<string, unknown>>): Promise<string> {
  const { errors } = await devices.run(FUSE, { range: RANGE, ...variables });
  return `${String(errors?.[0]?.extensions['code'])} ${errors?.[0]?.message ?? ''}`;
}

/** The query on the same database, with something of its surroundings changed. */
function fuseWith(deps: Partial<FuseReadingsDeps>) {
  return createFuseReadings({
    readTracks: (workspace, query) => readTracks(database, workspace, query),
    now: () => new Date(),
    units: createUnits(),
    profilesOf: () => Promise.resolve([]),
    ...deps,
  });
}

describe('fusing the readings of several devices', () => {
  it('weights them by their variances on a common grid, and names who was used and who was not', async () => {
    const exact = await deviceWith('exact', [
      [0, 20],
      [2, 22],
      [4, 24],
    ]);
    const rough = await deviceWith('rough', [
      [1, 25],
      [2, 26],
    ]);
    const config = { ...SECONDLY, variances: [{ deviceId: exact, variance: 0.04 }], defaultVariance: 0.12 };
    const series = await fuse({ deviceIds: [rough, exact], config });
    expect(series).toMatchObject({ metric: 'temperature', unit: 'Cel', method: 'INVERSE_VARIANCE' });
    expect(series).toMatchObject({ alignment: 'LINEAR', ...SECONDLY });
    expect(series.points.map(({ at }) => at)).toEqual(
      [0, 1, 2, 3].map((second) => `2026-01-01T00:00:0${second}.000Z`),
    );
    expect(series.points[0]).toMatchObject({
      value: 20,
      variance: 0.04,
      used: [{ deviceId: exact, value: 20, variance: 0.04 }],
      refused: [{ deviceId: rough, value: null, reason: 'GAP' }],
    });
    expect(series.points[1]).toMatchObject({
      value: expect.closeTo(21 + (25 - 21) / 4, 9),
      variance: expect.closeTo(0.03, 9),
      refused: [],
    });
    // The reading at the end of the range is outside of it, but reaches into it.
    expect(series.points[3]?.value).toBe(23);
  });

  it('does with no settings at all', async () => {
    const one = await deviceWith('one', [[1, 20]]);
    const two = await deviceWith('two', [[1, 22]]);
    const { fuseReadings } = await devices.ask(
      `query ($ids: [ID!]!, $range: TimeRange!) { fuseReadings(deviceIds: $ids, metric: "temperature", range: $range) {
        stepMs maxGapMs method points { value variance }
      } }`,
      { ids: [one, two], range: RANGE },
    );
    expect(fuseReadings).toMatchObject({ stepMs: 20, maxGapMs: 60_000, method: 'INVERSE_VARIANCE' });
    expect(fuseReadings.points).toHaveLength(200);
    expect(fuseReadings.points[50]).toEqual({ value: 21, variance: 0.5 });
    expect((await fuse({ deviceIds: [one, two], config: null })).points).toHaveLength(200);
  });

  it.each([
    ['KALMAN_LEVEL', 'ZERO_ORDER_HOLD'],
    ['KALMAN_VELOCITY', 'ZERO_ORDER_HOLD'],
    ['MEDIAN', 'LINEAR'],
    ['MAJORITY', 'ZERO_ORDER_HOLD'],
  ])('offers %s, aligned by %s', async (method, alignment) => {
    const readings = [0, 1, 2, 3].map((second) => [second, 5] as const);
    const deviceIds = [await deviceWith('one', readings), await deviceWith('two', readings)];
    const series = await fuse({ deviceIds, config: { ...SECONDLY, method } });
    expect(series).toMatchObject({ method, alignment });
    expect(series.points.map(({ value }) => value)).toEqual([5, 5, 5, 5]);
  });

  it('leaves outliers out of the median', async () => {
    const deviceIds = [
      await deviceWith('a', [[0, 20]]),
      await deviceWith('b', [[0, 20.5]]),
      await deviceWith('c', [[0, 21]]),
      await deviceWith('wild', [[0, 90]]),
    ];
    const { points } = await fuse({ deviceIds, config: { ...SECONDLY, method: 'MEDIAN' } });
    expect(points[0]).toMatchObject({
      value: 20.5,
      refused: [{ deviceId: deviceIds[3], value: 90, reason: 'OUTLIER' }],
    });
  });

  it('takes no readings that are implausible by now, or in a unit that the metric had before', async () => {
    const one = await deviceWith('one', [
      [0, 20],
      [1, 80],
    ]);
    const two = await deviceWith('two', [
      [0, 20],
      [1, 20],
    ]);
    await declare(one, { maximum: 50 });
    const deviceIds = [one, two];
    const { points } = await fuse({ deviceIds, config: { stepMs: 1_000, maxGapMs: 0 } });
    expect(points[1]).toMatchObject({ value: 20, refused: [{ deviceId: one, value: null, reason: 'BAD' }] });

    await declare(two, { unit: 'K' });
    expect(await refusalOf({ deviceIds: [two] })).toMatch(
      /^BAD_USER_INPUT range: expected a usable reading, .* got none: dev_\w+: 0 of 2 readings usable, from /,
    );
  });

  it('smooths a single device', async () => {
    const id = await deviceWith('one', [
      [0, 4],
      [1, 8],
      [2, 6],
    ]);
    const config = { ...SECONDLY, method: 'KALMAN_LEVEL', driftVariance: 0, maxGapMs: 0 };
    const { points } = await fuse({ deviceIds: [id, id], config });
    expect(points.map(({ value }) => value)).toEqual([4, 6, expect.closeTo(6, 12), null]);
    expect(points[2]?.variance).toBeCloseTo(1 / 3, 12);
  });

  it('meets readings at the very instants of its grid, to the millisecond', async () => {
    // Seconds as a double, times 1000, are not this number any more.
    const at = 1_088_324_918_489;
    const id = await devices.register('one');
    expect(await devices.send(id, { ts: at, values: { temperature: 20 } })).toMatchObject({ accepted: 1 });
    const range = { from: new Date(at).toISOString(), to: new Date(at + 1).toISOString() };
    const { points } = await fuse({ deviceIds: [id], range, config: { stepMs: 1, maxGapMs: 0 } });
    expect(points.map(({ value }) => value)).toEqual([20]);
  });

  it('goes up to now when the range has no end', async () => {
    const id = await deviceWith('one', [[1, 20]]);
    const { points } = await fuseWith({ now: () => new Date(FIRST_AT_MS + 2_500) })(devices.workspace, {
      ...{ deviceIds: [id], metric: 'temperature' },
      range: { from: new Date(FIRST_AT_MS) },
      config: SECONDLY,
    });
    expect(points.map(({ at }) => at.getTime() - FIRST_AT_MS)).toEqual([0, 1_000, 2_000]);
  });

  it('asks the database once, and once for profiles that it does not know yet, however many devices there are', async () => {
    const deviceIds: string[] = [];
    for (let index = 0; index < 50; index += 1) deviceIds.push(await deviceWith(`d${index}`, [[0, index]]));
    const countFor = async (some: readonly string[]) => {
      statements.length = 0;
      const { points } = await fuse({ deviceIds: some, config: SECONDLY });
      expect(points[0]?.used).toHaveLength(some.length);
      // Others ask in the background.
      return statements.filter((sql) => /FROM devices\.devices d\n|profile_name/.test(sql)).length;
    };
    expect(await countFor(deviceIds)).toBe(2);
    expect(await countFor(deviceIds.slice(0, 2))).toBe(1);
    expect(idsOf((await fuse({ deviceIds, config: SECONDLY })).points[0]?.used ?? [])).toEqual(
      [...deviceIds].sort(),
    );
  });
});

describe('what is asked wrongly', () => {
  it('is refused for a device that is not there, or in another workspace', async () => {
    const id = await deviceWith('one', [[0, 1]]);
    const other = openedByTest.keep(await openDevices({ database }));
    const foreign = await other.register('foreign');
    for (const missing of ['dev_none', '\u0000', foreign]) {
      expect(await refusalOf({ deviceIds: [id, missing] })).toMatch(
        /^NOT_FOUND deviceIds: there is no device/,
      );
    }
  });

  it('is refused for a metric that a device does not declare', async () => {
    const id = await devices.register('one', ['humidity', 'pressure']);
    expect(await refusalOf({ deviceIds: [id] })).toBe(
      `BAD_USER_INPUT metric: expected one that each device declares, got "temperature", which ${id} does not; ` +
        'it declares humidity, pressure.',
    );
    expect(await refusalOf({ deviceIds: [id], metric: '\u0000' })).toMatch(/^BAD_USER_INPUT metric: /);
  });

  it('brings units that convert into that of the first device, variances with them', async () => {
    const celsius = await deviceWith('celsius', [[0, 20]]);
    const fahrenheit = await deviceWith('fahrenheit', []);
    await declare(fahrenheit, { unit: '[degF]' });
    await devices.send(fahrenheit, [{ ts: FIRST_AT_MS, values: { temperature: 70 } }]);
    const config = { ...SECONDLY, maxGapMs: 0, defaultVariance: 1 };
    const { unit, points } = await fuse({ deviceIds: [celsius, fahrenheit], config });
    expect(unit).toBe('Cel');
    // 70 [degF] is 190/9 Cel, and a variance of 1 [degF]² is 25/81 Cel².
    const weight = 81 / 25;
    expect(points[0]?.value).toBeCloseTo((20 + (weight * 190) / 9) / (1 + weight), 9);
    expect(points[0]?.variance).toBeCloseTo(1 / (1 + weight), 9);
    expect((await fuse({ deviceIds: [fahrenheit, celsius], config })).unit).toBe('[degF]');
  });

  it('is refused for units that do not convert, naming them', async () => {
    const celsius = await deviceWith('celsius', [[0, 20]]);
    const metres = await deviceWith('metres', [[0, 20]]);
    await declare(metres, { unit: 'm' });
    expect(await refusalOf({ deviceIds: [celsius, metres] })).toMatch(
      `BAD_USER_INPUT deviceIds: expected devices that measure the metric in units of one quantity, got Cel (${celsius}) and m (${metres})`,
    );
  });

  it('is refused for readings that never meet, telling what there is', async () => {
    const early = await deviceWith('early', [[0, 20]]);
    const late = await deviceWith('late', [[3, 20]]);
    const silent = await deviceWith('silent', []);
    const refusal = await refusalOf({
      deviceIds: [early, late, silent],
      config: { ...SECONDLY, maxGapMs: 10 },
    });
    expect(refusal).toMatch(/^BAD_USER_INPUT range: expected an instant at which two devices or more/);
    expect(refusal).toContain(
      `${early}: 1 of 1 readings usable, from 2026-01-01T00:00:00.000Z to 2026-01-01T00:00:00.000Z; `,
    );
    expect(refusal).toContain(`${silent}: no readings.`);
  });

  it('is refused for more readings of a device than its share of what is taken', async () => {
    const many = [0, 1, 2, 3].map((second) => [second, 20] as const);
    const deviceIds = [await deviceWith('few', many.slice(0, 3)), await deviceWith('many', many)];
    const fused = (maxReadings: number) =>
      fuseWith({ maxReadings })(devices.workspace, {
        ...{ deviceIds, metric: 'temperature' },
        range: { from: new Date(FIRST_AT_MS), to: new Date(FIRST_AT_MS + 4_000) },
        config: SECONDLY,
      });
    expect((await fused(8)).points).toHaveLength(4);
    await expect(fused(7)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/^range: expected at most 3 readings of each of 2 devices/),
    });
  });

  it('is refused for readings that cannot be computed with', async () => {
    const deviceIds = [await deviceWith('one', [[0, 1e308]])];
    const config = { ...SECONDLY, method: 'MAJORITY', stateResolution: 1e-100 };
    expect(await refusalOf({ deviceIds, config })).toMatch(
      /^BAD_USER_INPUT deviceIds: expected readings that can be computed with/,
    );
  });

  it.each<[string, object, RegExp]>([
    ['no device', { deviceIds: [] }, /deviceIds: expected 1 to 50 devices, got 0/],
    [
      'too many devices',
      { deviceIds: Array.from({ length: 51 }, (_, index) => `d${index}`) },
      /expected 1 to 50 devices, got 51/,
    ],
    ['an empty range', { range: { from: RANGE.from, to: RANGE.from } }, /range: expected a beginning before/],
    [
      'a range in the future',
      { range: { from: '2999-01-01T00:00:00Z' } },
      /range: expected a beginning before/,
    ],
    [
      'too many points',
      { config: { stepMs: 1 } },
      /config.stepMs: expected at least 2 .* 2000 points, got 1/,
    ],
    ['a gap below 0', { config: { maxGapMs: -1 } }, /config.maxGapMs: expected 0 or more, got -1/],
    ['a negative variance', { config: { defaultVariance: -1 } }, /config.defaultVariance: .* got -1/],
    [
      'a variance of 0',
      { config: { variances: [{ deviceId: 'd1', variance: 0 }] } },
      /config.variances.0.variance: expected a number from 1e-100 to 1e\+100, got 0/,
    ],
    [
      'a variance of another device',
      { config: { variances: [{ deviceId: 'd2', variance: 1 }] } },
      /config.variances.0.deviceId: expected one of deviceIds, got "d2"/,
    ],
    [
      'two variances of one device',
      {
        config: {
          variances: [
            { deviceId: 'd1', variance: 1 },
            { deviceId: 'd1', variance: 2 },
          ],
        },
      },
      /config.variances.1.deviceId: expected each device once/,
    ],
    ['a low threshold', { config: { outlierThreshold: 0.5 } }, /config.outlierThreshold: .* from 1 to 1000/],
    ['a resolution of 0', { config: { stateResolution: 0 } }, /config.stateResolution/],
    ['a negative drift', { config: { driftVariance: -1 } }, /config.driftVariance: .* from 0/],
    ['a negative acceleration', { config: { accelerationVariance: -1 } }, /config.accelerationVariance/],
    [
      'a state between states',
      { config: { method: 'MAJORITY', alignment: 'LINEAR' } },
      /config.alignment: expected NEAREST or ZERO_ORDER_HOLD with MAJORITY/,
    ],
    [
      'a filter of readings to come',
      { config: { method: 'KALMAN_LEVEL', alignment: 'NEAREST' } },
      /config.alignment: expected ZERO_ORDER_HOLD with KALMAN_LEVEL, .*, got NEAREST, which looks at readings to come/,
    ],
    [
      'a filter of lines between readings',
      { config: { method: 'KALMAN_VELOCITY', alignment: 'LINEAR' } },
      /config.alignment: expected ZERO_ORDER_HOLD with KALMAN_VELOCITY, .*, got LINEAR/,
    ],
  ])('is refused for %s', async (_what, variables, message) => {
    statements.length = 0;
    const refusal = await refusalOf({ deviceIds: ['d1'], ...variables });
    expect(refusal).toMatch(/^BAD_USER_INPUT /);
    expect(refusal).toMatch(message);
    expect(statements).toEqual([]);
  });
});

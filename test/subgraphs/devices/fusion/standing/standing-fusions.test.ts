import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../../kernel/database/database.js';
import { Prisma } from '../../../../../kernel/database/workspace.js';
import { withDeadline } from '../../../../../kernel/lifecycle/lifecycle.js';
import type {
  FusedPoint,
  FusedReadingEvent,
  StandingFusion,
} from '../../../../../subgraphs/devices/generated/schema-types.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { newWorkspace, openDevices, type TestDevices } from '../../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let one: string;
let two: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  one = await devices.register('one');
  two = await devices.register('two');
});
afterEach(openedByTest.close);

const POINT =
  'at value variance simulated used { deviceId value variance quality } refused { deviceId reason }';
const FUSION = `id name metric unit deviceIds stepMs latenessMs lateInputs computedThrough problem
  config { method driftVariance } selection { profile labels groups }`;
const CREATE = `mutation ($input: CreateStandingFusionInput!) {
  createStandingFusion(input: $input) { standingFusion { ${FUSION} } userErrors { code message path } }
}`;
const GET = `query ($id: ID!) { standingFusion(id: $id) { ${FUSION} } }`;
const SERIES = `query ($id: ID!, $range: TimeRange!, $limit: Int) {
  fusedSeries(id: $id, range: $range, limit: $limit) { metric unit truncated points { ${POINT} } }
}`;
const FUSE = `query ($deviceIds: [ID!]!, $range: TimeRange!, $config: FuseReadingsConfig) {
  fuseReadings(deviceIds: $deviceIds, metric: "temperature", range: $range, config: $config) { points { ${POINT} } }
}`;
const STREAM = `subscription ($id: ID!, $after: String) {
  fusedReadings(id: $id, after: $after) { cursor gap unit point { ${POINT} } }
}`;

const STEP = { stepMs: 100, maxGapMs: 60 };

async function create(input: object): Promise<StandingFusion> {
  const { createStandingFusion } = await devices.ask(CREATE, {
    input: {
      name: 'both',
      metric: 'temperature',
      deviceIds: [one, two],
      latenessMs: 200,
      config: STEP,
      ...input,
    },
  });
  if (!createStandingFusion.standingFusion) throw new Error(JSON.stringify(createStandingFusion.userErrors));
  return createStandingFusion.standingFusion;
}

/** Sends what two devices measure from now on for some seconds, one reading every 50 ms. */
async function sendAhead(seconds: number): Promise<void> {
  const firstAtMs = Date.now() - 200;
  const entries = Array.from({ length: seconds * 20 }, (_, index) => firstAtMs + index * 50);
  for (const [device, shift] of [
    [one, 0],
    [two, 1],
  ] as const) {
    const readings = entries.map((ts, index) => ({
      ts,
      values: { temperature: 20 + Math.sin(index) + shift },
    }));
    expect(await devices.send(device, readings)).toMatchObject({ accepted: readings.length });
  }
}

async function pointsOf(id: string): Promise<readonly FusedPoint[]> {
  const range = { from: '2020-01-01T00:00:00Z' };
  return (await devices.ask(SERIES, { id, range })).fusedSeries.points;
}

function untilPoints(id: string, count: number): Promise<readonly FusedPoint[]> {
  return waitFor(`there are ${count} points`, async () => {
    const points = await pointsOf(id);
    return points.length >= count && points.slice(0, count);
  });
}

/** What one fusion over the whole stretch gives. */
async function fuseAtOnce(points: readonly FusedPoint[], config: object) {
  const [first, last] = [points[0], points.at(-1)];
  const to = new Date(new Date(last?.at ?? 0).getTime() + 1).toISOString();
  const range = { from: first?.at, to };
  return (await devices.ask(FUSE, { deviceIds: [one, two], range, config })).fuseReadings.points;
}

describe('a standing fusion', () => {
  it('computes what one fusion of the whole stretch does, point by point', async () => {
    await sendAhead(3);
    const { id } = await create({});
    const points = await untilPoints(id, 12);
    expect(points).toEqual(await fuseAtOnce(points, STEP));
    expect(points.filter(({ value }) => value !== null).length).toBeGreaterThan(9);
    expect(points.every(({ at }) => new Date(at).getTime() % 100 === 0)).toBe(true);
    expect((await devices.ask(GET, { id })).standingFusion).toMatchObject({
      ...{ unit: 'Cel', deviceIds: [one, two], selection: null, problem: null, lateInputs: 0 },
      computedThrough: expect.any(String),
    });
  });

  it.each(['KALMAN_LEVEL', 'KALMAN_VELOCITY'])(
    'goes on with %s after a restart exactly as if there had been none',
    async (method) => {
      const workspace = newWorkspace();
      devices = await openDevices({ database, workspace });
      one = await devices.register('one');
      two = await devices.register('two');
      await sendAhead(5);
      const config = { ...STEP, method };
      const { id } = await create({ config });
      await untilPoints(id, 5);
      await devices.close();
      devices = openedByTest.keep(await openDevices({ database, workspace }));
      const before = (await pointsOf(id)).length;
      const points = await untilPoints(id, before + 10);
      expect(points).toEqual(await fuseAtOnce(points, config));
    },
  );

  it('streams its points, each once, and what was missed behind a cursor', async () => {
    await sendAhead(3);
    const { id } = await create({});
    const follow = (after?: string) => devices.subscribe(STREAM, { id, after });
    const take = async (stream: Awaited<ReturnType<typeof follow>>, count: number) => {
      const events: FusedReadingEvent[] = [];
      while (events.length < count) {
        const { value } = await withDeadline(stream.next(), 10_000, 'waiting for a point');
        if (!value?.data) throw value?.errors?.[0] ?? new Error('the stream ended');
        events.push(value.data.fusedReadings);
      }
      return events;
    };
    const stream = await follow();
    const seen = await take(stream, 6);
    await stream.return();
    const again = await follow(seen[1]?.cursor);
    const rest = await take(again, 8);
    await again.return();
    const times = [...seen.slice(0, 2), ...rest].map(({ point }) => new Date(point.at).getTime());
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual(times.map((_at, index) => index * 100));
    expect(rest.slice(0, 4)).toEqual(seen.slice(2));
    expect([...seen, ...rest].some(({ gap }) => gap)).toBe(false);
  });

  it('counts readings that come after their point was computed', async () => {
    const { id } = await create({ latenessMs: 0 });
    const points = await untilPoints(id, 3);
    const ts = new Date(points[0]?.at ?? 0).getTime();
    await devices.send(one, { ts, values: { temperature: 1 } });
    await waitFor('it is counted', async () => {
      const { standingFusion } = await devices.ask(GET, { id });
      return standingFusion?.lateInputs === 1;
    });
    expect((await pointsOf(id))[0]).toMatchObject({ value: null });
  });

  it('takes uncertain values at four times their variance, and marks simulated ones', async () => {
    const atMs = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    const measured = (quality: string, temperature: number) => ({
      ts: atMs,
      quality,
      values: { temperature },
    });
    expect(await devices.send(one, measured('UNCERTAIN', 10))).toMatchObject({ accepted: 1 });
    expect(await devices.send(two, measured('SIMULATED', 20))).toMatchObject({ accepted: 1 });
    const { id } = await create({ config: { stepMs: 1_000, maxGapMs: 0 } });
    const points = await waitFor('the point is computed', async () => {
      const all = await pointsOf(id);
      return all.some(({ at }) => new Date(at).getTime() === atMs) && all;
    });
    expect(points.find(({ at }) => new Date(at).getTime() === atMs)).toMatchObject({
      ...{ value: 18, variance: expect.closeTo(0.8, 12), simulated: true },
      used: [
        { deviceId: one, variance: 4, quality: 'UNCERTAIN' },
        { deviceId: two, variance: 1, quality: 'SIMULATED' },
      ],
    });
  });

  it('is refused with what is wrong with it', async () => {
    const refusal = async (input: object) => {
      const { createStandingFusion } = await devices.ask(CREATE, {
        input: { name: 'x', metric: 'temperature', deviceIds: [one], ...input },
      });
      return createStandingFusion.userErrors.map(({ code, path }) => `${code} ${path.join('.')}`);
    };
    expect(
      await refusal({
        name: ' ',
        latenessMs: -1,
        retentionHours: 0,
        config: { stepMs: 1, driftVariance: -1 },
      }),
    ).toEqual([
      'BAD_USER_INPUT name',
      'BAD_USER_INPUT config.stepMs',
      'BAD_USER_INPUT latenessMs',
      'BAD_USER_INPUT retentionHours',
      'BAD_USER_INPUT config.driftVariance',
    ]);
    for (const alignment of ['NEAREST', 'LINEAR'])
      expect(await refusal({ config: { method: 'KALMAN_LEVEL', alignment } })).toEqual([
        'BAD_USER_INPUT config.alignment',
      ]);
    expect(await refusal({ deviceIds: [one, 'dev_none'] })).toEqual(['NOT_FOUND deviceIds.1']);
    expect(await refusal({ selection: { labels: 'a=b' } })).toEqual(['BAD_USER_INPUT deviceIds']);
    await create({ name: 'taken' });
    expect(await refusal({ name: 'taken' })).toEqual(['CONFLICT name']);
  });

  it('tells what is wrong with a configuration that was taken before, until it is changed', async () => {
    await sendAhead(5);
    const { id } = await create({ config: { ...STEP, method: 'KALMAN_LEVEL' } });
    const { client } = database.inWorkspace(devices.workspace);
    const row = await client.standingFusion.findFirstOrThrow({ where: { id } });
    const definition = row.definition as Prisma.JsonObject;
    const config = { ...(definition['config'] as Prisma.JsonObject), alignment: 'LINEAR' };
    await client.standingFusion.updateMany({
      where: { id },
      data: { definition: { ...definition, config }, updatedAt: new Date() },
    });
    const told = await waitFor('it is told', async () => {
      const { standingFusion } = await devices.ask(GET, { id });
      return standingFusion?.problem ?? undefined;
    });
    expect(told).toMatch(/^config.alignment: expected ZERO_ORDER_HOLD with KALMAN_LEVEL.* got LINEAR/);
    const change = async (input: object) =>
      (
        await devices.ask(
          `mutation ($input: UpdateStandingFusionInput!) { updateStandingFusion(input: $input) { userErrors { path } } }`,
          { input: { id, ...input } },
        )
      ).updateStandingFusion.userErrors;
    expect(await change({ name: 'renamed' })).toEqual([{ path: ['config', 'alignment'] }]);
    expect(await change({ config: { ...STEP, method: 'KALMAN_LEVEL' } })).toEqual([]);
    await waitFor('it goes on', async () => {
      const { standingFusion } = await devices.ask(GET, { id });
      return standingFusion?.problem === null;
    });
  });

  it('is changed and removed', async () => {
    await sendAhead(3);
    const { id } = await create({});
    await untilPoints(id, 2);
    const { updateStandingFusion } = await devices.ask(
      `mutation ($input: UpdateStandingFusionInput!) { updateStandingFusion(input: $input) {
        standingFusion { ${FUSION} } userErrors { message } } }`,
      { input: { id, name: 'renamed', config: { stepMs: 200, method: 'MEDIAN' } } },
    );
    expect(updateStandingFusion).toMatchObject({
      standingFusion: { name: 'renamed', stepMs: 200, config: { method: 'MEDIAN' } },
      userErrors: [],
    });
    const { standingFusions } = await devices.ask('{ standingFusions { edges { node { name } } } }');
    expect(standingFusions.edges).toEqual([{ node: { name: 'renamed' } }]);
    const REMOVE = `mutation ($id: ID!) { removeStandingFusion(input: { id: $id }) { standingFusionId userErrors { code } } }`;
    expect((await devices.ask(REMOVE, { id })).removeStandingFusion).toEqual({
      standingFusionId: id,
      userErrors: [],
    });
    expect((await devices.ask(REMOVE, { id })).removeStandingFusion).toEqual({
      standingFusionId: null,
      userErrors: [{ code: 'NOT_FOUND' }],
    });
    expect((await devices.ask(GET, { id })).standingFusion).toBeNull();
  });

  it('tells that its group is gone, and lets the others be computed', async () => {
    const { createDeviceGroup } = await devices.ask(
      `mutation ($input: CreateDeviceGroupInput!) { createDeviceGroup(input: $input) { group { id } } }`,
      { input: { name: 'roof', deviceIds: [one] } },
    );
    const ofGroup = await create({ name: 'roof', deviceIds: null, selection: { groups: ['roof'] } });
    await devices.ask(
      'mutation ($id: ID!) { removeDeviceGroup(input: { id: $id }) { userErrors { code } } }',
      { id: createDeviceGroup.group?.id },
    );
    await sendAhead(3);
    const later = await create({});
    await untilPoints(later.id, 5);
    const { problem } = await waitFor('the group is missed', async () => {
      const { standingFusion } = await devices.ask(GET, { id: ofGroup.id });
      return standingFusion?.problem != null && standingFusion;
    });
    expect(problem).toMatch(/there is no device group "roof"/);
  });

  it('is computed beside one that cannot be read', async () => {
    const broken = await create({ name: 'broken' });
    await database.inWorkspace(devices.workspace).client.standingFusion.updateMany({
      where: { id: broken.id },
      data: { definition: Prisma.JsonNull },
    });
    await sendAhead(3);
    const later = await create({});
    expect(await untilPoints(later.id, 5)).toHaveLength(5);
  });

  it('is refused for a group that is not there, when it is made and when it is changed', async () => {
    const refusal = { code: 'NOT_FOUND', path: ['selection', 'groups'] };
    const selection = { groups: ['nowhere'] };
    const input = { name: 'lost', metric: 'temperature', selection };
    const { createStandingFusion } = await devices.ask(CREATE, { input });
    expect(createStandingFusion).toMatchObject({ standingFusion: null, userErrors: [refusal] });
    const { id } = await create({});
    const { updateStandingFusion } = await devices.ask(
      `mutation ($input: UpdateStandingFusionInput!) { updateStandingFusion(input: $input) {
        standingFusion { id } userErrors { code path } } }`,
      { input: { id, selection } },
    );
    expect(updateStandingFusion).toEqual({ standingFusion: null, userErrors: [refusal] });
  });
});

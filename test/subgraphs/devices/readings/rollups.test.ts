import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createPartitions } from '../../../../subgraphs/devices/readings/partitions.js';
import {
  createRollUpFollower,
  type RollUpFollower,
} from '../../../../subgraphs/devices/readings/rollups/roll-up-follower.js';
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
let database: Database;
let devices: TestDevices;
let deviceId: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  deviceId = await devices.register('sensor');
});
afterEach(openedByTest.close);

const rows = () => database.inWorkspace(devices.workspace).client;

function follower(span?: number): RollUpFollower {
  const keep = (table: 'reading_minutes' | 'reading_hours') => ({
    partitions: createPartitions({ database, table }),
    retentionMs: 365 * 24 * HOUR_MS,
  });
  return createRollUpFollower({
    ...{ database, workspace: devices.workspace },
    ...{ minutes: keep('reading_minutes'), hours: keep('reading_hours') },
    logger: createLogger({ level: 'silent', pretty: false }),
    ...(span === undefined ? {} : { span }),
  });
}

async function send(values: readonly (readonly [number, number])[], quality = 'GOOD'): Promise<void> {
  const entries = values.map(([ts, temperature]) => ({ ts, values: { temperature }, quality }));
  expect(await devices.send(deviceId, entries)).toMatchObject({ accepted: values.length });
}

/** Waits for nothing: brings all that is committed into the roll-ups, or finds that it is. */
async function catchUp(span?: number): Promise<void> {
  const one = follower(span);
  for (let moved = 1n; moved > 0n;) moved = await one.catchUp();
  await one.close();
}

const minutes = async () =>
  (await rows().readingMinute.findMany({ orderBy: { startsAt: 'asc' } })).map(
    ({ startsAt, count, minimum, maximum, total, last, lastAt }) => ({
      at: startsAt.getTime() - HOUR_AT,
      ...{ count, minimum, maximum, total, last },
      lastAt: lastAt.getTime() - HOUR_AT,
    }),
  );

const hours = async () =>
  (await rows().readingHour.findMany({ orderBy: { startsAt: 'asc' } })).map(
    ({ startsAt, count, minimum, maximum, total, last }) => ({
      at: startsAt.getTime() - HOUR_AT,
      ...{ count, minimum, maximum, total, last },
    }),
  );

describe('roll-ups', () => {
  it('tell count, least, greatest, sum and last of each minute and hour', async () => {
    await send([
      [HOUR_AT, 5],
      [HOUR_AT + 59_999, 1],
      [HOUR_AT + MINUTE_MS, 3],
      [HOUR_AT + HOUR_MS - 1, 4],
      [HOUR_AT + HOUR_MS, 7],
    ]);
    await catchUp();
    expect(await minutes()).toEqual([
      { at: 0, count: 2, minimum: 1, maximum: 5, total: 6, last: 1, lastAt: 59_999 },
      { at: MINUTE_MS, count: 1, minimum: 3, maximum: 3, total: 3, last: 3, lastAt: MINUTE_MS },
      { at: 59 * MINUTE_MS, count: 1, minimum: 4, maximum: 4, total: 4, last: 4, lastAt: HOUR_MS - 1 },
      { at: HOUR_MS, count: 1, minimum: 7, maximum: 7, total: 7, last: 7, lastAt: HOUR_MS },
    ]);
    expect(await hours()).toEqual([
      { at: 0, count: 4, minimum: 1, maximum: 5, total: 13, last: 4 },
      { at: HOUR_MS, count: 1, minimum: 7, maximum: 7, total: 7, last: 7 },
    ]);
  });

  it('take late readings into the minute of their time, and keep the last by time', async () => {
    await send([[HOUR_AT + 30_000, 2]]);
    await catchUp();
    await send([[HOUR_AT + 10_000, -1]]);
    await catchUp();
    await send([[HOUR_AT + 40_000, 9]]);
    await catchUp();
    expect(await minutes()).toEqual([
      { at: 0, count: 3, minimum: -1, maximum: 9, total: 10, last: 9, lastAt: 40_000 },
    ]);
    expect(await hours()).toEqual([{ at: 0, count: 3, minimum: -1, maximum: 9, total: 10, last: 9 }]);
  });

  it('count each reading once, whoever follows, in stretches however short', async () => {
    await send(Array.from({ length: 100 }, (_, index) => [HOUR_AT + index * 1_000, index] as const));
    await send(Array.from({ length: 50 }, (_, index) => [HOUR_AT + HOUR_MS + index, 1] as const));
    await Promise.all([catchUp(7), catchUp(11), catchUp(1_000)]);
    const counted = (await minutes()).reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(150);
    expect((await hours()).map(({ count, total }) => [count, total])).toEqual([
      [100, 4_950],
      [50, 50],
    ]);
  });

  it('leave out what is BAD or STALE', async () => {
    await send([[HOUR_AT, 1]], 'UNCERTAIN');
    await send([[HOUR_AT + 1, 100]], 'BAD');
    await send([[HOUR_AT + 2, 200]], 'STALE');
    await send([[HOUR_AT + 3, 2]], 'SIMULATED');
    await catchUp();
    expect(await hours()).toEqual([{ at: 0, count: 2, minimum: 1, maximum: 2, total: 3, last: 2 }]);
  });

  it('are not stopped by values whose sum is more than a number can hold', async () => {
    await send([
      [HOUR_AT, 1.7e308],
      [HOUR_AT + 1, 1.7e308],
      [HOUR_AT + 2, -5e-324],
    ]);
    await catchUp();
    expect(await hours()).toEqual([
      { at: 0, count: 3, minimum: -5e-324, maximum: 1.7e308, total: 2e290, last: -5e-324 },
    ]);
  });

  it('do not hold what is older than they are kept', async () => {
    await send([[Date.UTC(2001, 1, 3), 1]]);
    await catchUp();
    expect(await hours()).toEqual([]);
    expect((await rows().readingRollup.findFirst())?.rolledSequence).toBe(1n);
  });

  it('go on by themselves while readings come', async () => {
    await send([[HOUR_AT, 1]]);
    await waitFor('the roll-ups are current', async () => {
      const { readingStorage } = await devices.ask('{ readingStorage { readingsBehindRollups } }');
      return readingStorage.readingsBehindRollups === 0;
    });
    expect(await hours()).toHaveLength(1);
  });
});

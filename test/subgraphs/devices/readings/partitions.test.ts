import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createPartitions } from '../../../../subgraphs/devices/readings/partitions.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const DAY_MS = 86_400_000;

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

const tables = async () =>
  (await createPartitions({ database, table: 'readings' }).list()).map(({ table }) => table);

const nameOf = (atMs: number) => `readings_${new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '')}`;

const latest = async () => {
  const { device } = await devices.ask(
    'query ($id: ID!) { device(id: $id) { latest { value measuredAt quality } } }',
    { id: deviceId },
  );
  return device?.latest;
};

describe('the partitions of readings', () => {
  it('are there ahead of the day', async () => {
    expect(await tables()).toEqual(expect.arrayContaining([nameOf(Date.now()), nameOf(Date.now() + DAY_MS)]));
  });

  it('are made for what comes late, also for years back, and hold it where it belongs', async () => {
    const ages = [0, 1, 3, 60, 500, 3_000];
    const entries = ages.map((days) => ({
      ts: Date.now() - days * DAY_MS,
      values: { temperature: days },
    }));
    expect(await devices.send(deviceId, entries.reverse())).toEqual({ accepted: 6, repeated: 0 });
    expect(await devices.send(deviceId, entries)).toEqual({ accepted: 0, repeated: 6 });
    expect((await latest())?.[0]?.value).toBe(0);
    expect(await tables()).toContain(nameOf(Date.now() - 3 * DAY_MS));
  });

  it('take the two sides of midnight each for itself', async () => {
    const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const entries = [midnight - 1, midnight].map((ts) => ({ ts, values: { temperature: ts - midnight } }));
    expect(await devices.send(deviceId, entries)).toEqual({ accepted: 2, repeated: 0 });
    const { client } = database.inWorkspace(devices.workspace);
    const rows = await client.$queryRaw<{ table: string; value: number }[]>`
      SELECT tableoid::regclass::text AS "table", value FROM devices.readings
      WHERE workspace_id = ${devices.workspace} ORDER BY value`;
    expect(rows).toEqual([
      { table: `devices.${nameOf(midnight - 1)}`, value: -1 },
      { table: `devices.${nameOf(midnight)}`, value: 0 },
    ]);
  });

  it('are made again for a reading that comes when its partition was dropped', async () => {
    const ts = Date.now() - 7 * DAY_MS;
    await devices.send(deviceId, { ts, values: { temperature: 1 } });
    await database
      .inWorkspace(devices.workspace)
      .client.$executeRawUnsafe(`DROP TABLE devices.${nameOf(ts)}`);
    expect(await devices.send(deviceId, { ts, values: { temperature: 2 } })).toEqual({
      accepted: 1,
      repeated: 0,
    });
  });

  it('are made once when many ask at the same moment', async () => {
    const atMs = Date.now() - 11 * DAY_MS;
    const keepers = [0, 1, 2].map(() => createPartitions({ database, table: 'readings' }));
    await Promise.all(keepers.map(async (keeper) => keeper.ensure([atMs])));
    expect((await tables()).filter((table) => table === nameOf(atMs))).toHaveLength(1);
    expect(keepers[0]?.ensure([atMs])).toBeUndefined();
  });
});

describe('what a payload says beside its values', () => {
  it('keeps the quality of a reading, GOOD where none is told', async () => {
    await devices.send(deviceId, { values: { temperature: 20 }, quality: 'UNCERTAIN' });
    expect(await latest()).toMatchObject([{ value: 20, quality: 'UNCERTAIN' }]);
    await devices.send(deviceId, { temperature: 21 });
    expect(await latest()).toMatchObject([{ value: 21, quality: 'GOOD' }]);
  });

  it('stores a value without a time once that comes again with the number it had', async () => {
    const five = { sequence: 5, values: { temperature: 20 } };
    expect(await devices.send(deviceId, five)).toEqual({ accepted: 1, repeated: 0 });
    expect(await devices.send(deviceId, five)).toEqual({ accepted: 0, repeated: 1 });
    expect(await devices.send(deviceId, [five, { ...five, sequence: 6 }, { ...five, sequence: 6 }])).toEqual({
      accepted: 1,
      repeated: 2,
    });
  });

  it('refuses a number that comes again in one start with another value, and stores nothing of its message', async () => {
    await devices.send(deviceId, { boot: 1, sequence: 5, values: { temperature: 20 } });
    const answer = await devices.send(deviceId, [
      { boot: 1, sequence: 6, values: { temperature: 1 } },
      { boot: '1', sequence: 5, values: { temperature: 2 } },
    ]);
    expect(answer).toMatchObject({
      error: { code: 'CONFLICT', message: expect.stringContaining('with the sequence 5 is 20 Cel already') },
    });
    expect((await latest())?.map(({ value }) => value)).toEqual([20]);
    expect(await devices.send(deviceId, { boot: 1, sequence: 6, values: { temperature: 1 } })).toEqual({
      accepted: 1,
      repeated: 0,
    });
  });

  it('counts for each metric, and does not count where a value has a time', async () => {
    const other = await devices.register('other', ['temperature', 'inside']);
    expect(await devices.send(other, { sequence: 5, values: { temperature: 1 } })).toMatchObject({
      accepted: 1,
    });
    expect(await devices.send(other, { sequence: 5, values: { inside: 2 } })).toMatchObject({ accepted: 1 });
    const timed = (ts: number, temperature: number) => ({ ts, sequence: 5, values: { temperature } });
    const now = Date.now();
    expect(await devices.send(other, [timed(now - 2, 7), timed(now - 1, 8)])).toMatchObject({ accepted: 2 });
  });

  it('stores a numbered value once that two messages bring at the same moment', async () => {
    const message = { sequence: 9, values: { temperature: 20 } };
    const answers = await Promise.all(Array.from({ length: 10 }, () => devices.send(deviceId, message)));
    const accepted = answers.reduce<number>(
      (sum, answer) => sum + (answer as { accepted: number }).accepted,
      0,
    );
    expect(accepted).toBe(1);
  });

  const temperature = (sequence: number, value: number, boot?: number | string) => ({
    ...(boot === undefined ? {} : { boot }),
    sequence,
    values: { temperature: value },
  });
  const ACCEPTED = { accepted: 1, repeated: 0 };
  const REPEATED = { accepted: 0, repeated: 1 };

  /** Makes all that was sent until now look as if it had come so long ago. */
  const age = async (seconds: number) => {
    const { client } = database.inWorkspace(devices.workspace);
    await client.$executeRaw`
      UPDATE devices.reading_sequences SET measured_at = measured_at - make_interval(secs => ${seconds}::int)
      WHERE workspace_id = ${devices.workspace}`;
    await client.$executeRaw`
      UPDATE devices.readings SET measured_at = measured_at - make_interval(secs => ${seconds}::int)
      WHERE workspace_id = ${devices.workspace}`;
  };

  it('tells the starts of a device apart that names them, however soon it counts from the beginning again', async () => {
    for (const boot of ['a', 'b', 7]) {
      expect(await devices.send(deviceId, temperature(1, 20, boot))).toEqual(ACCEPTED);
      expect(await devices.send(deviceId, temperature(1, 20, boot))).toEqual(REPEATED);
    }
    expect(await devices.send(deviceId, temperature(1, 20, 'a'))).toEqual(REPEATED);
    for (const boot of ['', 'x'.repeat(65), 1.5, null]) {
      expect(await devices.send(deviceId, { ...temperature(1, 20), boot })).toMatchObject({
        error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('boot: expected') },
      });
    }
  });

  it('sees another start in a number that comes with another value, and in all that comes behind it', async () => {
    for (const sequence of [1, 2, 3, 4]) await devices.send(deviceId, temperature(sequence, 20));
    expect(await devices.send(deviceId, temperature(1, 21))).toEqual(ACCEPTED);
    expect(await devices.send(deviceId, temperature(1, 21))).toEqual(REPEATED);
    for (const sequence of [2, 3, 4, 5])
      expect(await devices.send(deviceId, temperature(sequence, 20))).toEqual(ACCEPTED);
    expect(await devices.send(deviceId, temperature(3, 20))).toEqual(REPEATED);
  });

  it('sees another start in a number far behind the newest, and none in what is late', async () => {
    const list = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => temperature(from + index, 20));
    for (const from of [0, 1_000]) await devices.send(deviceId, list(from, 1_000));
    // The last list once more, and one number that was lost on the way.
    expect(await devices.send(deviceId, list(1_000, 1_000))).toEqual({ accepted: 0, repeated: 1_000 });
    await devices.send(deviceId, temperature(2_002, 20));
    expect(await devices.send(deviceId, temperature(2_001, 20))).toEqual(ACCEPTED);
    expect(await devices.send(deviceId, list(0, 3))).toEqual({ accepted: 3, repeated: 0 });
    expect(await devices.send(deviceId, list(0, 4))).toEqual({ accepted: 1, repeated: 3 });
  });

  it('sees another start in a number that was there an hour ago', async () => {
    for (const sequence of [1, 2]) await devices.send(deviceId, temperature(sequence, 20));
    await age(3_000);
    expect(await devices.send(deviceId, temperature(1, 20))).toEqual(REPEATED);
    await age(700);
    for (const sequence of [1, 2])
      expect(await devices.send(deviceId, temperature(sequence, 20))).toEqual(ACCEPTED);
    expect(await devices.send(deviceId, temperature(1, 20))).toEqual(REPEATED);
  });

  it('sees the start of a device in one metric, and counts the others of the entry anew', async () => {
    const other = await devices.register('other', ['temperature', 'inside']);
    const entry = (sequence: number, inside: number) => ({ sequence, values: { temperature: 20, inside } });
    for (const sequence of [1, 2]) await devices.send(other, entry(sequence, 1));
    expect(await devices.send(other, entry(1, 2))).toEqual({ accepted: 2, repeated: 0 });
    expect(await devices.send(other, entry(2, 1))).toEqual({ accepted: 2, repeated: 0 });
    expect(await devices.send(other, entry(1, 2))).toEqual({ accepted: 0, repeated: 2 });
  });

  it('takes the largest and the smallest numbers', async () => {
    const numbers = ['9223372036854775807', '-9223372036854775808', '-9223372036854775808'];
    const answers = [];
    for (const sequence of numbers)
      answers.push(await devices.send(deviceId, { sequence, values: { temperature: 1 } }));
    expect(answers).toEqual([ACCEPTED, ACCEPTED, REPEATED]);
  });
});

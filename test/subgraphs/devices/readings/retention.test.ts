import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { encodeCursor } from '../../../../kernel/events/cursor.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createPartitions } from '../../../../subgraphs/devices/readings/partitions.js';
import {
  createRetention,
  type Removed,
  type RetentionDeps,
} from '../../../../subgraphs/devices/readings/retention.js';
import { createDeviceRegistry } from '../../../../subgraphs/devices/registry.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';
import { range, writeReadings } from '../support/write-readings.js';

const HOUR_MS = 3_600_000;

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

/** Makes the readings up to a sequence look as if they had arrived so long ago. */
async function age(through: bigint, hours: number): Promise<void> {
  const receivedAt = new Date(Date.now() - hours * HOUR_MS);
  await rows().reading.updateMany({ where: { sequence: { lte: through } }, data: { receivedAt } });
}

/** Removes what is due, of readings that are kept for an hour, once all of them are in the roll-ups. */
async function prune(options: Partial<RetentionDeps> = {}): Promise<Removed> {
  await rollUp();
  const retention = createRetention({
    ...{ database, workspaces: [devices.workspace], retentionMs: HOUR_MS },
    partitions: createPartitions({ database, table: 'readings' }),
    logger: createLogger({ level: 'silent', pretty: false }),
    ...options,
  });
  return retention.prune();
}

async function rollUp(): Promise<void> {
  await waitFor('the roll-ups are current', async () => {
    const { readingStorage } = await devices.ask('{ readingStorage { readingsBehindRollups } }');
    return readingStorage.readingsBehindRollups === 0;
  });
}

async function prunedSequence(): Promise<bigint | undefined> {
  return (await rows().readingStream.findFirst())?.prunedSequence;
}

/** Resumes behind a sequence and gives the value and the gap of the next `count` events. */
async function resume(after: bigint, count: number, deviceIds?: string[]): Promise<[number, boolean][]> {
  const stream = await devices.subscribe(
    'subscription ($after: String, $deviceIds: [ID!]) { deviceReadings(after: $after, deviceIds: $deviceIds) { gap reading { value } } }',
    { after: encodeCursor('rdg', after), deviceIds },
  );
  const events: [number, boolean][] = [];
  while (events.length < count) {
    const { value } = await stream.next();
    const event = value?.data?.deviceReadings;
    if (!event) throw new Error('the stream ended');
    events.push([event.reading.value, event.gap]);
  }
  await stream.return();
  return events;
}

describe('retention', () => {
  it('removes what arrived too long ago, in chunks, and leaves the rest', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(7n, 3);
    expect((await prune({ chunkSize: 3 })).rows).toBe(7);
    expect(
      (await rows().reading.findMany({ orderBy: { sequence: 'asc' } })).map(({ value }) => value),
    ).toEqual([7, 8, 9]);
    expect(await prunedSequence()).toBe(7n);
  });

  it('does nothing when nothing is due', async () => {
    await writeReadings(devices, deviceId, range(0, 3));
    expect(await prune()).toEqual({ rows: 0, partitions: [] });
    expect(await prunedSequence()).toBe(0n);
  });

  it('keeps to the order of arrival, so that what is gone is always the beginning of the stream', async () => {
    await writeReadings(devices, deviceId, range(0, 4));
    await age(4n, 3);
    await rows().reading.updateMany({ where: { sequence: 2n }, data: { receivedAt: new Date() } });
    expect((await prune()).rows).toBe(1);
    expect(await prunedSequence()).toBe(1n);
  });

  it('tells a reader of a gap when readings that it has not seen are gone', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(5n, 3);
    await prune();
    expect(await resume(3n, 3)).toEqual([
      [5, true],
      [6, false],
      [7, false],
    ]);
  });

  it('tells of no gap when the reader has seen all that is gone', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(5n, 3);
    await prune();
    expect(await resume(5n, 1)).toEqual([[5, false]]);
    expect(await resume(6n, 1)).toEqual([[6, false]]);
  });

  it('tells of a gap also when nothing is left, with the first reading that comes', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(10n, 3);
    await prune();
    expect(await rows().reading.count()).toBe(0);
    const resumed = resume(3n, 2);
    await writeReadings(devices, deviceId, [20, 21]);
    expect(await resumed).toEqual([
      [20, true],
      [21, false],
    ]);
  });

  it('tells of a gap past readings that the filter leaves out', async () => {
    const other = await devices.register('other');
    await writeReadings(devices, deviceId, range(0, 10));
    await age(5n, 3);
    await prune();
    const resumed = resume(3n, 1, [other]);
    await writeReadings(devices, other, [1]);
    expect(await resumed).toEqual([[1, true]]);
  });

  it('begins a stream without a cursor at the end, without a gap, also when all was removed', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(10n, 3);
    await prune();
    const stream = await devices.subscribe('subscription { deviceReadings { gap reading { value } } }');
    const event = stream.next();
    await writeReadings(devices, deviceId, [11]);
    expect((await event).value?.data).toEqual({ deviceReadings: { gap: false, reading: { value: 11 } } });
    await stream.return();
  });

  it('goes on with the sequence after everything was removed', async () => {
    await writeReadings(devices, deviceId, [1]);
    await age(1n, 3);
    await prune();
    await writeReadings(devices, deviceId, [2]);
    expect((await rows().reading.findFirst())?.sequence).toBe(2n);
  });
});

describe('retention by partitions', () => {
  const DAY_MS = 24 * HOUR_MS;
  const daysAgo = (days: number) => Date.now() - days * DAY_MS;
  const nameOf = (atMs: number) =>
    `readings_${new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '')}`;

  /** Sends a reading that was measured at a time, and makes it look as if it had arrived then. */
  async function measure(device: string, atMs: number, value: number): Promise<void> {
    const answer = await devices.send(device, { ts: atMs, values: { temperature: value } });
    expect(answer).toEqual({ accepted: 1, repeated: 0 });
    await rows().reading.updateMany({ where: { value }, data: { receivedAt: new Date(atMs) } });
  }

  const values = async () =>
    (await rows().reading.findMany({ orderBy: { value: 'asc' } })).map(({ value }) => value);

  const WEEK = { retentionMs: 7 * DAY_MS };

  it('drops a day whole when nothing in it is kept, and tells readers that stand before of the gap', async () => {
    await measure(deviceId, daysAgo(21), 1);
    await measure(deviceId, daysAgo(20), 2);
    await measure(deviceId, daysAgo(1), 3);
    const removed = await prune(WEEK);
    expect(removed.partitions).toEqual(expect.arrayContaining([nameOf(daysAgo(21)), nameOf(daysAgo(20))]));
    expect(removed.rows).toBe(0);
    expect(await values()).toEqual([3]);
    expect(await resume(0n, 1)).toEqual([[3, true]]);
    expect(await resume(2n, 1)).toEqual([[3, false]]);
    expect(await prunedSequence()).toBe(2n);
  });

  it('keeps a day for the one late reading in it, and removes the others one by one a day later', async () => {
    await measure(deviceId, daysAgo(8.5), 1);
    await measure(deviceId, daysAgo(15), 2);
    await devices.send(deviceId, { ts: daysAgo(15) + 1, values: { temperature: 3 } });
    expect((await prune(WEEK)).partitions).not.toContain(nameOf(daysAgo(15)));
    expect(await values()).toEqual([3]);
    expect(await resume(0n, 1)).toEqual([[3, true]]);
  });

  it('keeps the days ahead and those without readings that are not old', async () => {
    await prune(WEEK);
    const left = (await createPartitions({ database, table: 'readings' }).list()).map(({ table }) => table);
    expect(left).toEqual(expect.arrayContaining([nameOf(Date.now()), nameOf(daysAgo(-1))]));
  });

  it('keeps readings for as long as the profile of their device says, shorter and longer', async () => {
    const long = await devices.register('long');
    const short = await devices.register('short');
    await measure(long, daysAgo(25), 1);
    await measure(deviceId, daysAgo(25), 2);
    await measure(short, daysAgo(2), 3);
    await measure(deviceId, daysAgo(2), 4);
    const hours = new Map([
      [long, 24 * 30],
      [short, 24],
    ]);
    const removed = await prune({ ...WEEK, ownRetention: () => Promise.resolve(hours) });
    expect(removed).toEqual({ rows: 2, partitions: [] });
    expect(await values()).toEqual([1, 4]);
    // What is kept longer is still given to readers that come late, after the word that others are gone.
    expect(await resume(0n, 2)).toEqual([
      [1, true],
      [4, false],
    ]);
  });

  it('removes nothing that is not in the roll-ups yet', async () => {
    await measure(deviceId, daysAgo(30), 1);
    await rollUp();
    await rows().readingRollup.updateMany({ data: { rolledSequence: 0n } });
    const retention = createRetention({
      ...{ database, workspaces: [devices.workspace], ...WEEK },
      partitions: createPartitions({ database, table: 'readings' }),
      logger: createLogger({ level: 'silent', pretty: false }),
    });
    expect(await retention.prune()).toEqual({ rows: 0, partitions: [] });
    expect(await values()).toEqual([1]);
  });

  it('takes a late reading for a day that was dropped, as any other', async () => {
    await measure(deviceId, daysAgo(29), 1);
    expect((await prune(WEEK)).partitions).toContain(nameOf(daysAgo(29)));
    await measure(deviceId, daysAgo(29), 2);
    expect(await values()).toEqual([2]);
  });

  it('forgets the numbers of devices after two days', async () => {
    await devices.send(deviceId, { sequence: 1, values: { temperature: 20 } });
    await rows().readingSequence.updateMany({ data: { measuredAt: new Date(daysAgo(3)) } });
    await devices.send(deviceId, { sequence: 2, values: { temperature: 20 } });
    await prune(WEEK);
    expect((await rows().readingSequence.findMany()).map(({ deviceSequence }) => deviceSequence)).toEqual([
      2n,
    ]);
  });
});

describe('the readings of a removed device', () => {
  const COUNT = 30_000;
  const REMOVE = 'mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId } }';

  /** Gives a device many readings, in a stretch of the stream of their own. */
  async function fill(device: string): Promise<void> {
    await rows().$executeRaw`
      WITH stream AS (
        UPDATE devices.reading_streams SET newest_sequence = newest_sequence + ${COUNT}::int
        WHERE workspace_id = ${devices.workspace} RETURNING newest_sequence - ${COUNT}::int AS base
      )
      INSERT INTO devices.readings (workspace_id, device_id, metric, measured_at, received_at, value, unit, sequence)
      SELECT ${devices.workspace}, ${device}, 'temperature', now() - n * interval '1 second', now(), n, 'Cel', base + n
      FROM stream, generate_series(1, ${COUNT}::int) AS n`;
  }

  const countOf = (device: string) => rows().reading.count({ where: { deviceId: device } });

  it('are seen no more from its removal on, and deleted in chunks', async () => {
    const other = await devices.register('other');
    await writeReadings(devices, other, [1]);
    await fill(deviceId);
    await writeReadings(devices, other, [2]);
    await devices.close();
    // Nothing but the removal itself.
    const registry = createDeviceRegistry({
      ...{ database, log: devices.log },
      onChange: () => undefined,
    });
    const origin = { workspace: devices.workspace, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` };
    expect(await registry.remove(origin, deviceId)).toBe('REMOVED');
    expect(await countOf(deviceId)).toBe(COUNT);

    // What survives a restart is that there is no such device.
    devices = openedByTest.keep(await openDevices({ database, workspace: devices.workspace }));
    expect(await resume(0n, 2)).toEqual([
      [1, false],
      [2, false],
    ]);
    await waitFor('all is deleted', async () => (await countOf(deviceId)) === 0);
    expect(await countOf(other)).toBe(2);
    expect(await prunedSequence()).toBe(0n);
  }, 60_000);

  it('are deleted soon after its removal, which itself deletes none of them', async () => {
    await fill(deviceId);
    const startedAt = performance.now();
    await devices.ask(REMOVE, { id: deviceId });
    const removedMs = performance.now() - startedAt;
    expect(await countOf(deviceId)).toBe(COUNT);
    expect(removedMs).toBeLessThan(1_000);
    await waitFor('all is deleted', async () => (await countOf(deviceId)) === 0);
  }, 60_000);
});

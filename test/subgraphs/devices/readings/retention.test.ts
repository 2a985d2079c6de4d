import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { encodeCursor } from '../../../../kernel/events/cursor.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createPartitions } from '../../../../subgraphs/devices/readings/partitions.js';
import { createRetention } from '../../../../subgraphs/devices/readings/retention.js';
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

function prune(chunkSize = 5_000): Promise<number> {
  const retention = createRetention({
    ...{ database, chunkSize, workspaces: [devices.workspace], retentionMs: HOUR_MS },
    partitions: createPartitions({ database, table: 'readings' }),
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  return retention.prune(devices.workspace);
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
    await age(7n, 2);
    expect(await prune(3)).toBe(7);
    expect(
      (await rows().reading.findMany({ orderBy: { sequence: 'asc' } })).map(({ value }) => value),
    ).toEqual([7, 8, 9]);
    expect(await prunedSequence()).toBe(7n);
  });

  it('does nothing when nothing is due', async () => {
    await writeReadings(devices, deviceId, range(0, 3));
    expect(await prune()).toBe(0);
    expect(await prunedSequence()).toBe(0n);
  });

  it('keeps to the order of arrival, so that what is gone is always the beginning of the stream', async () => {
    await writeReadings(devices, deviceId, range(0, 4));
    await age(4n, 2);
    await rows().reading.updateMany({ where: { sequence: 2n }, data: { receivedAt: new Date() } });
    expect(await prune()).toBe(1);
    expect(await prunedSequence()).toBe(1n);
  });

  it('tells a reader of a gap when readings that it has not seen are gone', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(5n, 2);
    await prune();
    expect(await resume(3n, 3)).toEqual([
      [5, true],
      [6, false],
      [7, false],
    ]);
  });

  it('tells of no gap when the reader has seen all that is gone', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(5n, 2);
    await prune();
    expect(await resume(5n, 1)).toEqual([[5, false]]);
    expect(await resume(6n, 1)).toEqual([[6, false]]);
  });

  it('tells of a gap also when nothing is left, with the first reading that comes', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(10n, 2);
    expect(await prune()).toBe(10);
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
    await age(5n, 2);
    await prune();
    const resumed = resume(3n, 1, [other]);
    await writeReadings(devices, other, [1]);
    expect(await resumed).toEqual([[1, true]]);
  });

  it('begins a stream without a cursor at the end, without a gap, also when all was removed', async () => {
    await writeReadings(devices, deviceId, range(0, 10));
    await age(10n, 2);
    await prune();
    const stream = await devices.subscribe('subscription { deviceReadings { gap reading { value } } }');
    const event = stream.next();
    await writeReadings(devices, deviceId, [11]);
    expect((await event).value?.data).toEqual({ deviceReadings: { gap: false, reading: { value: 11 } } });
    await stream.return();
  });

  it('goes on with the sequence after everything was removed', async () => {
    await writeReadings(devices, deviceId, [1]);
    await age(1n, 2);
    await prune();
    await writeReadings(devices, deviceId, [2]);
    expect((await rows().reading.findFirst())?.sequence).toBe(2n);
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

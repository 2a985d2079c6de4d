import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import type { Database } from '../../../kernel/database/database.js';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import { encodeCursor } from '../../../kernel/events/cursor.js';
import { withDeadline } from '../../../kernel/lifecycle/lifecycle.js';
import type { DeviceReadingEvent, Subscription } from '../../../subgraphs/devices/generated/schema-types.js';
import { isReadingMessage } from '../../../subgraphs/devices/readings/reading-message.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import { newWorkspace, openDevices, type TestDevices } from './support/open-devices.js';
import { range, writeReadings } from './support/write-readings.js';

type ReadingStream = AsyncGenerator<ExecutionResult<Subscription>, void, void>;

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let first: string;
let second: string;
const streams: ReadingStream[] = [];

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  first = await devices.register('first', ['temperature', 'humidity']);
  second = await devices.register('second', ['temperature']);
});
afterEach(async () => {
  for (const stream of streams.splice(0)) await stream.return();
  await openedByTest.close();
});

const STREAM = `subscription ($deviceIds: [ID!], $metrics: [String!], $after: String) {
  deviceReadings(deviceIds: $deviceIds, metrics: $metrics, after: $after) {
    cursor gap reading { metric value unit measuredAt device { id name } }
  }
}`;

const REMOVE = 'mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId } }';

async function open(
  variables: Record<string, unknown> = {},
  from: TestDevices = devices,
): Promise<ReadingStream> {
  const stream = await from.subscribe(STREAM, variables);
  streams.push(stream);
  return stream;
}

async function next(stream: ReadingStream): Promise<DeviceReadingEvent> {
  const { value } = await withDeadline(stream.next(), 5_000, 'waiting for a reading');
  if (value?.errors?.[0]) throw value.errors[0];
  const event = value?.data?.deviceReadings;
  if (!event) throw new Error('the stream ended');
  return event;
}

async function take(stream: ReadingStream, count: number): Promise<DeviceReadingEvent[]> {
  const events: DeviceReadingEvent[] = [];
  while (events.length < count) events.push(await next(stream));
  return events;
}

const valuesOf = (events: readonly DeviceReadingEvent[]) => events.map(({ reading }) => reading.value);

/** The cursor of a reading that is committed just now. */
async function cursorNow(): Promise<string> {
  const stream = await open();
  const pending = next(stream);
  await writeReadings(devices, first, [1_000_000], 'humidity');
  return (await pending).cursor;
}

describe('the stream of readings', () => {
  it('gives each reading as it is committed, with its device', async () => {
    await writeReadings(devices, first, [1]);
    const stream = await open();
    const pending = take(stream, 2);
    await writeReadings(devices, first, [2, 3]);
    const events = await pending;
    expect(valuesOf(events)).toEqual([2, 3]);
    expect(events[0]).toEqual({
      cursor: expect.any(String),
      gap: false,
      reading: {
        metric: 'temperature',
        value: 2,
        unit: 'Cel',
        measuredAt: '2026-01-01T00:00:00.002Z',
        device: { id: first, name: 'first' },
      },
    });
  });

  it('gives after a cursor what was missed, then what comes, each once and in order', async () => {
    const before = await open();
    const pending = take(before, 3);
    await writeReadings(devices, first, [1, 2, 3]);
    const seen = await pending;
    await before.return();
    for (const from of [10, 700, 1_400]) await writeReadings(devices, first, range(from, from + 690));
    const stream = await open({ after: seen[1]?.cursor });
    const caughtUp = await take(stream, 1_000);
    const writing = writeReadings(devices, first, range(5_000, 5_500));
    const rest = await take(stream, 1 + 3 * 690 - 1_000 + 500);
    await writing;
    expect(valuesOf([...caughtUp, ...rest])).toEqual([
      3,
      ...range(10, 700),
      ...range(700, 1_390),
      ...range(1_400, 2_090),
      ...range(5_000, 5_500),
    ]);
    expect([...caughtUp, ...rest].some(({ gap }) => gap)).toBe(false);
  });

  it('neither loses nor repeats anything for readers that come and go while readings pour in', async () => {
    const after = await cursorNow();
    const total = 3_000;
    let written = false;
    const writing = (async () => {
      for (let from = 0; from < total; from += 20)
        await writeReadings(devices, first, range(from, from + 20));
      written = true;
    })();
    const seen: number[] = [];
    let cursor = after;
    for (let visit = 0; seen.length < total; visit += 1) {
      const stream = await open({ after: cursor });
      const events = await take(stream, Math.min(total - seen.length, 1 + ((visit * 37) % 200)));
      await stream.return();
      seen.push(...valuesOf(events));
      cursor = events.at(-1)?.cursor ?? cursor;
    }
    await writing;
    expect(written).toBe(true);
    expect(seen).toEqual(range(0, total));
  });

  it('serves a reader that lags far behind from storage', async () => {
    const stream = await open();
    const pending = next(stream);
    await writeReadings(devices, first, [0]);
    await pending;
    // More commits than the stream keeps for a reader that does not take them.
    for (let value = 1; value <= 150; value += 1) await writeReadings(devices, first, [value]);
    expect(valuesOf(await take(stream, 150))).toEqual(range(1, 151));
  });

  it.each<[string, () => Record<string, unknown>, number[]]>([
    ['a device', () => ({ deviceIds: [second] }), [2, 5]],
    ['several devices', () => ({ deviceIds: [first, second] }), [1, 2, 3, 4, 5]],
    ['a metric', () => ({ metrics: ['humidity'] }), [3]],
    ['a device and a metric', () => ({ deviceIds: [first], metrics: ['temperature'] }), [1, 4]],
  ])('lets only the readings of %s through, stored and live', async (_what, variables, expected) => {
    const after = await cursorNow();
    const write = async (offset: number) => {
      await writeReadings(devices, first, [offset + 1]);
      await writeReadings(devices, second, [offset + 2]);
      await writeReadings(devices, first, [offset + 3], 'humidity');
      await writeReadings(devices, first, [offset + 4]);
      await writeReadings(devices, second, [offset + 5]);
    };
    await write(0);
    const stream = await open({ ...variables(), after });
    expect(valuesOf(await take(stream, expected.length))).toEqual(expected);
    const pending = take(stream, expected.length);
    await write(100);
    expect(valuesOf(await pending)).toEqual(expected.map((value) => 100 + value));
  });

  it('finds the few readings that pass its filter among many that do not, and goes on live', async () => {
    const after = await cursorNow();
    await writeReadings(devices, second, [1]);
    for (const from of range(0, 12))
      await writeReadings(devices, first, range(1_000 * from, 1_000 * from + 1_000));
    await writeReadings(devices, second, [2]);
    const stream = await open({ deviceIds: [second], after });
    expect(valuesOf(await take(stream, 2))).toEqual([1, 2]);
    const pending = take(stream, 2);
    for (const from of range(20, 100))
      await writeReadings(devices, first, range(1_000 * from, 1_000 * from + 2));
    await writeReadings(devices, second, [3, 4]);
    expect(valuesOf(await pending)).toEqual([3, 4]);
  });

  it('notices that the live bus lost or mixed up messages, and reads them from storage', async () => {
    await devices.close();
    const bus = createInProcessLiveBus();
    let dropping = false;
    const { workspace } = devices;
    const lossy = {
      ...bus,
      publish: (...args: Parameters<typeof bus.publish>) =>
        dropping ? Promise.resolve() : bus.publish(...args),
    };
    devices = openedByTest.keep(await openDevices({ database, workspace, bus: lossy }));
    const stream = await open();
    const pending = take(stream, 4);
    await writeReadings(devices, first, [1]);
    dropping = true;
    await writeReadings(devices, first, [2, 3]);
    dropping = false;
    await writeReadings(devices, first, [4]);
    expect(valuesOf(await pending)).toEqual([1, 2, 3, 4]);
  });

  it('gives what another process has written, in the order of commit', async () => {
    const other = await openDevices({ database, workspace: devices.workspace });
    const stream = await open();
    const pending = take(stream, 6);
    await writeReadings(devices, first, [1]);
    await writeReadings(other, first, [2, 3]);
    await writeReadings(devices, first, [4]);
    await writeReadings(other, first, [5]);
    await writeReadings(devices, first, [6]);
    expect(valuesOf(await pending)).toEqual([1, 2, 3, 4, 5, 6]);
    await other.close();
  });

  it('reads from storage when the bus carries what is no reading', async () => {
    const stream = await open();
    const pending = take(stream, 2);
    await writeReadings(devices, first, [1]);
    await devices.bus.publish({ workspace: devices.workspace, name: 'devices.readings' }, [
      { nonsense: true },
    ]);
    await writeReadings(devices, first, [2]);
    expect(valuesOf(await pending)).toEqual([1, 2]);
  });

  it('gives a reading whose device was removed while it was on the way, with null for the device', async () => {
    const stream = await open();
    const pending = next(stream);
    await writeReadings(devices, first, [1], 'humidity');
    await pending;
    await writeReadings(devices, second, [2]);
    await devices.ask(REMOVE, { id: second });
    expect((await next(stream)).reading).toMatchObject({ value: 2, device: null });
  });

  it('passes over where the readings of a removed device were, without a gap', async () => {
    const after = await cursorNow();
    for (const from of [0, 1_000]) await writeReadings(devices, second, range(from, from + 1_000));
    await devices.ask(REMOVE, { id: second });
    await writeReadings(devices, first, [1, 2]);
    const events = await take(await open({ after }), 2);
    expect(events.map(({ gap, reading }) => [reading.value, gap])).toEqual([
      [1, false],
      [2, false],
    ]);
  });

  it('goes on with the next reading, and tells of a gap, after a cursor of another database', async () => {
    await writeReadings(devices, first, [1]);
    const pending = next(await open({ after: encodeCursor('rdg', 1_000_000_000n) }));
    await writeReadings(devices, first, [2]);
    expect(await pending).toMatchObject({ gap: true, reading: { value: 2 } });
  });

  it('keeps workspaces apart', async () => {
    const other = await openDevices({ database });
    const stream = await open();
    const pending = next(stream);
    await writeReadings(other, await other.register('first'), [1]);
    await writeReadings(devices, first, [2]);
    expect((await pending).reading.value).toBe(2);
    await other.close();
  });

  it('announces a reading on the live bus as its contract says, and a repeated one not again', async () => {
    const announced: unknown[] = [];
    const topic = { workspace: devices.workspace, name: 'devices.readings' };
    const stop = await devices.bus.listen(topic, {
      onMessages: (messages) => announced.push(...messages),
      onLost: () => undefined,
    });
    await writeReadings(devices, first, [1]);
    await writeReadings(devices, first, [1, 2]);
    stop();
    expect(announced.every(isReadingMessage)).toBe(true);
    expect(announced).toEqual([
      {
        ...{ deviceId: first, metric: 'temperature', value: 1, unit: 'Cel' },
        quality: 'GOOD',
        measuredAtMs: Date.parse('2026-01-01T00:00:00.001Z'),
        receivedAtMs: expect.any(Number),
        ...{ sequence: '1', previousSequence: '0' },
      },
      expect.objectContaining({ value: 2, sequence: '3', previousSequence: '1' }),
    ]);
  });

  it('ends at once when it is told to, also while it waits', async () => {
    const stream = await open();
    const pending = stream.next();
    await withDeadline(stream.return(), 1_000, 'ending the stream');
    expect(await withDeadline(pending, 1_000, 'letting the reader go')).toEqual({
      value: undefined,
      done: true,
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a cursor that is none', { after: 'nonsense' }, 'BAD_USER_INPUT'],
    ["another stream's cursor", { after: encodeCursor('smp', 1n) }, 'BAD_USER_INPUT'],
    ['an unknown device', { deviceIds: ['dev_none'] }, 'NOT_FOUND'],
    ['no device at all', { deviceIds: [] }, 'BAD_USER_INPUT'],
    ['what cannot be a metric', { metrics: ['a b'] }, 'BAD_USER_INPUT'],
  ])('refuses %s', async (_what, variables, code) => {
    await expect(open(variables)).rejects.toMatchObject({ extensions: { code } });
  });

  it('does not let a stream of one workspace ask for devices of another', async () => {
    const other = await openDevices({ database, workspace: newWorkspace() });
    const foreign = await other.register('foreign');
    await expect(open({ deviceIds: [foreign] })).rejects.toMatchObject({ extensions: { code: 'NOT_FOUND' } });
    await other.close();
  });
});

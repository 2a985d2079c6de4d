import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import {
  SAMPLES_TOPIC,
  toSampleMessage,
  type Sample,
} from '../../../../subgraphs/consciousness/samples/sample.js';
import { pruneSamples } from '../../../../subgraphs/consciousness/samples/sample-retention.js';
import {
  createSampleStorage,
  type SampleStorage,
} from '../../../../subgraphs/consciousness/samples/sample-storage.js';
import {
  createSampleStream,
  type SampleEvent,
  type SampleStream,
} from '../../../../subgraphs/consciousness/samples/sample-stream.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace } from '../support/start-consciousness.js';

const logger = createLogger({ level: 'silent', pretty: false });
const statements: string[] = [];
const closing: (() => Promise<void>)[] = [];
const opened = createOpened();
let database: Database;

beforeAll(async () => {
  const onStatement = (sql: string) => statements.push(sql);
  database = opened.keep(await openTestDatabase({ onStatement }));
}, OPEN_DEADLINE_MS);

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(opened.close);

interface Bench {
  readonly workspace: WorkspaceId;
  readonly storage: SampleStorage;
  readonly bus: LiveBus;
  readonly stream: SampleStream;
  /** Stores and announces a sample a second, counted from 0. */
  readonly take: (...seconds: number[]) => Promise<Sample[]>;
}

async function open(workspace = newWorkspace()): Promise<Bench> {
  const storage = createSampleStorage(database, workspace);
  const bus = createInProcessLiveBus();
  const stream = createSampleStream({ workspace, storage, bus, logger });
  await stream.start();
  closing.push(() => stream.close());
  return {
    workspace,
    storage,
    bus,
    stream,
    take: (...seconds) => takeAll(seconds, { workspace, storage, bus }),
  };
}

async function takeAll(
  seconds: readonly number[],
  { workspace, storage, bus }: Pick<Bench, 'workspace' | 'storage' | 'bus'>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const second of seconds) {
    const node = {
      index: 0,
      deviceId: 'dev_1',
      metric: 'a',
      value: second,
      phase: null,
      coherence: 0.1 + 0.2,
    };
    const sampledAt = new Date(second * 1_000);
    const stored = await storage.insert({ sampledAt, coherence: null, windowMs: 64_000, nodes: [node] });
    if (!stored) throw new Error(`second ${second} was taken before`);
    samples.push(stored.sample);
    await bus.publish({ workspace, name: SAMPLES_TOPIC }, [toSampleMessage(stored)]);
  }
  return samples;
}

/** The next events, each as its second and whether there was a gap before it. */
async function read(events: AsyncIterator<SampleEvent>, count: number) {
  const all: SampleEvent[] = [];
  while (all.length < count) {
    const result = await events.next();
    if (result.done === true) throw new Error(`the stream ended after ${all.length} events`);
    all.push(result.value);
  }
  const seconds = all.map(({ sample }) => sample.sampledAt.getTime() / 1_000);
  return { all, seconds, gaps: all.map(({ gap }) => gap), last: all.at(-1)?.cursor };
}

/** Does something again and again until what is waited for has come: when a reader begins to listen is its own affair. */
async function repeatUntil<T>(pending: Promise<T>, action: () => Promise<unknown>): Promise<T> {
  const state = { settled: false };
  const settling = pending.finally(() => {
    state.settled = true;
  });
  while (!state.settled) {
    await action();
    await setImmediate();
  }
  return settling;
}

describe('the stream of samples', () => {
  it('begins with the next sample and then yields each once and in order', async () => {
    const bench = await open();
    await bench.take(1, 2);
    const events = await bench.stream.open(undefined);
    await bench.take(3);
    expect((await read(events, 1)).seconds).toEqual([3]);
    await bench.take(4, 5);
    expect(await read(events, 2)).toMatchObject({ seconds: [4, 5], gaps: [false, false] });
  });

  it('resumes behind a cursor: what was missed from storage, then the live tail, without doubles', async () => {
    const bench = await open();
    const events = await bench.stream.open(undefined);
    await bench.take(1, 2);
    const { last } = await read(events, 2);
    await events.return?.();
    await bench.take(3, 4);
    const again = await bench.stream.open(last);
    await bench.take(5);
    expect(await read(again, 3)).toMatchObject({ seconds: [3, 4, 5], gaps: [false, false, false] });
    await bench.take(6);
    expect((await read(again, 1)).seconds).toEqual([6]);
  });

  it('resumes after a restart of the process', async () => {
    const before = await open();
    await before.take(1, 2, 3);
    const fromStart = await before.stream.open(cursorBefore());
    const { last } = await read(fromStart, 2);
    await before.stream.close();
    await before.take(4);
    const after = await open(before.workspace);
    const events = await after.stream.open(last);
    expect((await read(events, 2)).seconds).toEqual([3, 4]);
    await after.take(5);
    expect((await read(events, 1)).seconds).toEqual([5]);
  });

  it('carries a sample unchanged, from storage and live', async () => {
    const bench = await open();
    const [stored] = await bench.take(1);
    const events = await bench.stream.open(cursorBefore());
    expect((await read(events, 1)).all[0]?.sample).toEqual(stored);
    const [live] = await bench.take(2);
    expect((await read(events, 1)).all[0]?.sample).toEqual(live);
  });

  it('says that there is a gap when retention has removed what was missed', async () => {
    const bench = await open();
    await bench.take(1, 2, 3, 4, 5);
    const events = await bench.stream.open(cursorBefore());
    const { last } = await read(events, 2);
    const options = {
      storage: bench.storage,
      logger,
      retentionHours: 1,
      signal: new AbortController().signal,
    };
    expect(await pruneSamples(new Date(3_600_000 + 4_500), { ...options, chunk: 3 })).toBe(4);
    const resumed = await read(await bench.stream.open(last), 1);
    expect(resumed).toMatchObject({ seconds: [5], gaps: [true] });
    await bench.take(6);
    expect(await read(await bench.stream.open(resumed.last), 1)).toMatchObject({
      seconds: [6],
      gaps: [false],
    });
  });

  it('begins without a gap when everything has been removed', async () => {
    const bench = await open();
    await bench.take(1, 2);
    const options = {
      storage: bench.storage,
      logger,
      retentionHours: 1,
      signal: new AbortController().signal,
    };
    expect(await pruneSamples(new Date(86_400_000), options)).toBe(2);
    expect(await bench.storage.newestSequence()).toBe(await bench.storage.prunedSequence());
    const events = await bench.stream.open(undefined);
    await bench.take(3);
    expect(await read(events, 1)).toMatchObject({ seconds: [3], gaps: [false] });
  });

  it('goes on with the next sample, and tells of a gap, after a cursor of another database', async () => {
    const bench = await open();
    await bench.take(1);
    const events = await bench.stream.open(Buffer.from('smp:9223372036854775807').toString('base64url'));
    let second = 1;
    const { gaps } = await repeatUntil(read(events, 2), () => bench.take((second += 1)));
    expect(gaps).toEqual([true, false]);
  });

  it('begins behind what retention has removed, also where that lies ahead of what is stored', async () => {
    const bench = await open();
    const [first] = await bench.take(1);
    const removed = (first?.sequence ?? 0n) + 1_000n;
    await database.inWorkspace(bench.workspace).client.sampleRetention.create({
      data: { workspaceId: bench.workspace, prunedSequence: removed },
    });
    const cursor = Buffer.from(`smp:${removed}`).toString('base64url');
    const events = await bench.stream.open(cursor);
    const pending = read(events, 1);
    const sequence = removed + 1n;
    const node = { index: 0, deviceId: 'dev_1', metric: 'a', value: 2, phase: null, coherence: null };
    const sample = { sampledAt: new Date(2_000), coherence: null, windowMs: 1, nodes: [node], sequence };
    const topic = { workspace: bench.workspace, name: SAMPLES_TOPIC };
    const publish = () => bench.bus.publish(topic, [toSampleMessage({ sample, previousSequence: removed })]);
    expect(await repeatUntil(pending, publish)).toMatchObject({ seconds: [2], gaps: [false] });
  });

  it('reads from storage a sample that another process took and whose message was lost', async () => {
    const bench = await open();
    const events = await bench.stream.open(undefined);
    const first = read(events, 1);
    await bench.take(1);
    await first;
    await bench.storage.insert({ sampledAt: new Date(2_000), coherence: null, windowMs: 1, nodes: [] });
    await bench.take(3);
    expect(await read(events, 2)).toMatchObject({ seconds: [2, 3], gaps: [false, false] });
  });

  it('says of each sample which one it follows in its workspace', async () => {
    const { storage, take } = await open();
    const [first] = await take(1);
    await (await open()).take(1);
    const insert = (second: number) =>
      storage.insert({ sampledAt: new Date(second * 1_000), coherence: null, windowMs: 1, nodes: [] });
    expect(await insert(1)).toBeUndefined();
    const second = await insert(2);
    expect(second?.previousSequence).toBe(first?.sequence);
    await storage.prune(new Date(3_000), 10);
    expect((await insert(4))?.previousSequence).toBe(second?.sample.sequence);
  });

  it.each([
    ['not a cursor', 'smp'],
    ['a cursor of another stream', Buffer.from('rdg:1').toString('base64url')],
    ['a cursor beyond what a sequence can be', Buffer.from('smp:9999999999999999999').toString('base64url')],
  ])('refuses %s', async (_name, cursor) => {
    const { stream } = await open();
    await expect(stream.open(cursor)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('ends at once when the reader leaves, even while it waits', async () => {
    const { stream, take } = await open();
    const events = await stream.open(undefined);
    await take(1);
    await read(events, 1);
    const waiting = events.next();
    expect(await events.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('ends when the subgraph is closed', async () => {
    const { stream, take } = await open();
    const events = await stream.open(undefined);
    await take(1);
    await read(events, 1);
    const waiting = events.next();
    await stream.close();
    expect((await waiting).done).toBe(true);
  });

  it('reads storage for no live event, however many subscribers there are', async () => {
    const bench = await open();
    const readers = await Promise.all(Array.from({ length: 20 }, () => bench.stream.open(undefined)));
    await bench.take(1);
    for (const events of readers) await read(events, 1);
    statements.length = 0;
    await bench.take(2, 3, 4);
    for (const events of readers) expect((await read(events, 3)).seconds).toEqual([2, 3, 4]);
    expect(statements.filter((sql) => sql.includes('INSERT INTO consciousness.samples'))).toHaveLength(3);
    expect(statements.filter((sql) => sql.startsWith('SELECT') && sql.includes('"samples"'))).toEqual([]);
  });

  it('reads from storage what it could not read from the bus, or lost', async () => {
    const bench = await open();
    const events = await bench.stream.open(undefined);
    await bench.take(1);
    await read(events, 1);
    await bench.storage.insert({ sampledAt: new Date(2_000), coherence: 1, windowMs: 1, nodes: [] });
    await bench.bus.publish({ workspace: bench.workspace, name: SAMPLES_TOPIC }, [{ sequence: 'x' }]);
    expect((await read(events, 1)).seconds).toEqual([2]);
  });
});

/** The cursor of before the first sample. */
function cursorBefore(): string {
  return Buffer.from('smp:0').toString('base64url');
}

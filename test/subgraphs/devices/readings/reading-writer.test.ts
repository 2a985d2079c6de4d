import { describe, expect, it } from '@jest/globals';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../../kernel/telemetry/metrics.js';
import type { NewMessage } from '../../../../subgraphs/devices/readings/new-reading.js';
import { createQueueRoom } from '../../../../subgraphs/devices/readings/queue-room.js';
import type { CommitOutcome } from '../../../../subgraphs/devices/readings/reading-commit.js';
import { createReadingMetrics } from '../../../../subgraphs/devices/readings/reading-metrics.js';
import { createReadingWriter } from '../../../../subgraphs/devices/readings/reading-writer.js';
import { waitFor } from '../../../support/wait-for.js';

function message(readings = 1): NewMessage {
  const reading = { metric: 'm', unit: '1', value: 1, measuredAtUs: 1 };
  return { deviceId: 'd', receivedAtMs: 0, readings: Array.from({ length: readings }, () => reading) };
}

const outcome = (stale: readonly NewMessage[] = []): CommitOutcome => ({
  base: 0n,
  through: 0n,
  stored: [],
  stale: new Set(stale),
  conflicts: new Map(),
});

const STORED = { kind: 'stored', fresh: 0 };

/** A writer whose commits the test decides over. */
function open({ capacity = 10_000, fail = [] as Error[] } = {}) {
  const commits: { messages: readonly NewMessage[]; finish: (result: CommitOutcome) => void }[] = [];
  const announced: CommitOutcome[] = [];
  const room = createQueueRoom(capacity);
  const writer = createReadingWriter({
    commit: (messages) => {
      const failure = fail.shift();
      if (failure) return Promise.reject(failure);
      return new Promise((finish) => commits.push({ messages, finish }));
    },
    announce: (result) => {
      announced.push(result);
      return Promise.resolve();
    },
    room,
    metrics: createReadingMetrics(createMetrics(), () => room.taken),
    logger: createLogger({ level: 'silent', pretty: false }),
    spacingMs: 0,
    retryDelaysMs: [0, 0],
  });
  const nextCommit = async (index: number) => waitFor(`commit ${index}`, () => commits[index]);
  return { writer, room, commits, announced, nextCommit };
}

const lostConnection = () => Object.assign(new Error('the connection was lost'), { code: 'ECONNRESET' });

describe('the reading writer', () => {
  it('commits what gathers while a commit runs in one group, and answers only after its commit', async () => {
    const { writer, commits, nextCommit } = open();
    const first = writer.submit(message(), 'refuse');
    const one = await nextCommit(0);
    let answered = false;
    const others = Promise.all([
      writer.submit(message(), 'refuse'),
      writer.submit(message(2), 'refuse'),
    ]).then(() => {
      answered = true;
    });
    one.finish(outcome());
    await first;
    const two = await nextCommit(1);
    expect(two.messages).toHaveLength(2);
    expect(answered).toBe(false);
    two.finish(outcome());
    await others;
    expect(commits).toHaveLength(2);
  });

  it('puts no more than 5000 readings into one commit and keeps messages whole', async () => {
    const { writer, nextCommit } = open();
    const submitted = Promise.all([
      writer.submit(message(3_000), 'wait'),
      writer.submit(message(3_000), 'wait'),
    ]);
    const first = await nextCommit(0);
    expect(first.messages).toHaveLength(1);
    first.finish(outcome());
    (await nextCommit(1)).finish(outcome());
    expect(await submitted).toEqual([STORED, STORED]);
  });

  it('tells which messages were stale', async () => {
    const { writer, nextCommit } = open();
    const [stale, fine] = [message(), message()];
    const submitted = Promise.all([writer.submit(stale, 'wait'), writer.submit(fine, 'wait')]);
    (await nextCommit(0)).finish(outcome([stale]));
    expect(await submitted).toEqual([{ kind: 'stale' }, STORED]);
  });

  it('tells how many readings of a message are new, and what one of another contradicts', async () => {
    const { writer, nextCommit } = open();
    const [fine, contradicting] = [message(3), message()];
    const submitted = Promise.all([writer.submit(fine, 'wait'), writer.submit(contradicting, 'wait')]);
    const [reading] = fine.readings;
    if (!reading) throw new Error('the message has no reading');
    const conflict = { reading, other: { value: 2, unit: '1' } };
    (await nextCommit(0)).finish({
      ...outcome(),
      stored: [1n, 2n].map((sequence) => ({ message: fine, reading, sequence })),
      conflicts: new Map([[contradicting, conflict]]),
    });
    expect(await submitted).toEqual([
      { kind: 'stored', fresh: 2 },
      { kind: 'conflict', conflict },
    ]);
  });

  it('refuses what does not fit into a full queue, or lets it wait its turn', async () => {
    const { writer, room, nextCommit } = open({ capacity: 5 });
    const first = writer.submit(message(4), 'refuse');
    await nextCommit(0);
    await expect(writer.submit(message(2), 'refuse')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterMs: 1_000,
    });
    const waiting = writer.submit(message(2), 'wait');
    // A small one may not overtake the one that waits.
    await expect(writer.submit(message(1), 'refuse')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    (await nextCommit(0)).finish(outcome());
    await first;
    (await nextCommit(1)).finish(outcome());
    expect(await waiting).toEqual(STORED);
    expect(room.taken).toBe(0);
  });

  it('tries again when the connection failed', async () => {
    const { writer, nextCommit } = open({ fail: [lostConnection(), lostConnection()] });
    const submitted = writer.submit(message(), 'wait');
    (await nextCommit(0)).finish(outcome());
    expect(await submitted).toEqual(STORED);
  });

  it.each([
    ['the connection fails again and again', [lostConnection(), lostConnection(), lostConnection()]],
    ['the statement itself fails', [new Error('no such table')]],
  ])('refuses as UNAVAILABLE, and announces nothing, when %s', async (_when, fail) => {
    const { writer, announced, room } = open({ fail });
    await expect(writer.submit(message(), 'wait')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(announced).toEqual([]);
    expect(room.taken).toBe(0);
  });

  it('commits what it has taken before it closes, and takes nothing more', async () => {
    const { writer, nextCommit } = open({ capacity: 1 });
    const taken = writer.submit(message(), 'wait');
    const waiting = writer.submit(message(), 'wait');
    const commit = await nextCommit(0);
    const closed = writer.close();
    await expect(writer.submit(message(), 'wait')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    commit.finish(outcome());
    expect(await taken).toEqual(STORED);
    await closed;
  });
});

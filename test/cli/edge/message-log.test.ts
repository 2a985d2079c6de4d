import { appendFile, mkdtemp, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeFrame, encodeFrame } from '../../../cli/edge/frame.js';
import { openMessageLog, type MessageLog } from '../../../cli/edge/message-log.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';

const logger = createLogger({ level: 'silent', pretty: false });
const never = new AbortController().signal;

let folder: string;
let logs: MessageLog[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-edge-log-'));
});
afterEach(async () => {
  for (const log of logs) await log.close();
  logs = [];
  await rm(folder, { recursive: true, force: true });
});

async function openLog(options: { maxBytes?: number; segmentBytes?: number; now?: () => number } = {}) {
  const log = await openMessageLog({ folder, maxBytes: 1_000_000, logger, ...options });
  logs.push(log);
  return log;
}

async function closeLog(log: MessageLog): Promise<void> {
  logs = logs.filter((one) => one !== log);
  await log.close();
}

const message = (text: string) => ({ device: 'boiler', contentType: undefined, payload: Buffer.from(text) });

/** Everything that is left in the log, which it then forgets. */
async function drain(log: MessageLog, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const page = await log.read(7, never);
    texts.push(...page.messages.map((one) => Buffer.from(one.message.payload).toString()));
    const last = page.messages.at(-1);
    if (last) await log.forget(last.next);
  }
  return texts;
}

const texts = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `m${from + index}`);

describe('a frame', () => {
  it('is read as it was written, and is no frame when a bit of it differs', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 70 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(1e15),
        fc.nat(),
        (device, payload, arrivedAtUs, flip) => {
          const frame = encodeFrame({ device, arrivedAtUs, contentType: 'application/cbor', payload });
          const reading = decodeFrame(frame, 0);
          expect(reading).toMatchObject({ kind: 'message', bytes: frame.length });
          if (reading.kind !== 'message') return;
          expect(Buffer.from(reading.message.payload)).toEqual(Buffer.from(payload));
          expect(reading.message).toMatchObject({ device, arrivedAtUs, contentType: 'application/cbor' });
          const bit = flip % (8 * frame.length);
          frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(decodeFrame(frame, 0).kind).not.toBe('message');
        },
      ),
    );
  });
});

describe('the log of messages', () => {
  it('gives messages in their order, over segments and over a restart', async () => {
    const first = await openLog({ segmentBytes: 200 });
    await Promise.all(texts(0, 20).map((text) => first.append(message(text))));
    for (const text of texts(20, 40)) await first.append(message(text));
    const seen = await drain(first, 28);
    await closeLog(first);
    const second = await openLog({ segmentBytes: 200 });
    await second.append(message('m40'));
    expect([...seen, ...(await drain(second, 41 - seen.length))]).toEqual(texts(0, 41));
  });

  it('forgets segments that were handed on, and their bytes', async () => {
    const log = await openLog({ segmentBytes: 300 });
    for (const text of texts(0, 60)) await log.append(message(text));
    const before = log.use().bytes;
    expect(await drain(log, 60)).toEqual(texts(0, 60));
    expect(log.use().bytes).toBeLessThan(before / 4);
    expect((await readdir(folder)).filter((name) => name.endsWith('.log'))).toHaveLength(1);
  });

  it('waits for the next message when there is none', async () => {
    const log = await openLog();
    const reading = log.read(10, never);
    await log.append(message('late'));
    expect((await reading).messages.map((one) => Buffer.from(one.message.payload).toString())).toEqual([
      'late',
    ]);
  });

  it('cuts off what a crash left half-written, keeps it aside, and goes on behind what is whole', async () => {
    const log = await openLog();
    for (const text of texts(0, 3)) await log.append(message(text));
    await closeLog(log);
    const path = join(folder, '000000000001.log');
    const frame = encodeFrame({ ...message('half'), arrivedAtUs: 1 });
    await appendFile(path, frame.subarray(0, frame.length - 3));
    const again = await openLog();
    await again.append(message('m3'));
    expect(await drain(again, 4)).toEqual(texts(0, 4));
    expect(await readFile(`${path}.torn`)).toEqual(frame.subarray(0, frame.length - 3));
  });

  it.each([0, 1, 7, 8, 20])('is whole after a crash %i bytes into a frame', async (bytes) => {
    const log = await openLog();
    for (const text of texts(0, 5)) await log.append(message(text));
    await closeLog(log);
    const path = join(folder, '000000000001.log');
    const frameBytes = encodeFrame({ ...message('m0'), arrivedAtUs: 1 }).length;
    await truncate(path, 4 * frameBytes + bytes);
    const again = await openLog();
    await again.append(message('new'));
    expect(await drain(again, 5)).toEqual([...texts(0, 4), 'new']);
  });

  it('tells of a segment that was damaged on the disk, keeps it aside and goes on with the next', async () => {
    const log = await openLog({ segmentBytes: 200 });
    for (const text of texts(0, 30)) await log.append(message(text));
    await closeLog(log);
    const path = join(folder, '000000000002.log');
    const file = await open(path, 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, 60);
    await file.close();
    const again = await openLog({ segmentBytes: 200 });
    const last = await drainUntil(again, 'm29');
    expect(last).toContain('m0');
    expect(last.length).toBeLessThan(30);
    expect(await readdir(folder)).toContain('000000000002.log.damaged');
  });

  it('refuses more than it may hold, and takes messages again once the hub has some', async () => {
    const log = await openLog({ maxBytes: 4_000, segmentBytes: 500 });
    const big = 'x'.repeat(400);
    let taken = 0;
    await expect(
      (async () => {
        for (;;) {
          await log.append(message(big));
          taken += 1;
        }
      })(),
    ).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(log.use().bytes).toBeLessThanOrEqual(4_000);
    await drain(log, taken);
    await log.append(message(big));
  });

  it('gives each message a later time than the one before, also when the clock was set back over a restart', async () => {
    const times: number[] = [];
    for (const now of [2_000_000, 1_000_000]) {
      const log = await openLog({ now: () => now });
      for (const text of texts(0, 5)) await log.append(message(text));
      const page = await log.read(10, never);
      times.push(...page.messages.map((one) => one.message.arrivedAtUs));
      const last = page.messages.at(-1);
      if (last) await log.forget(last.next);
      await closeLog(log);
    }
    expect(times).toHaveLength(10);
    expect(times.every((at, index) => index === 0 || at > (times[index - 1] ?? 0))).toBe(true);
  });

  it('begins at the oldest message when it is not known how far it was handed on', async () => {
    const log = await openLog();
    for (const text of texts(0, 3)) await log.append(message(text));
    await drain(log, 3);
    await closeLog(log);
    await rm(join(folder, 'forwarded.json'));
    expect(await drain(await openLog(), 3)).toEqual(texts(0, 3));
  });
});

async function drainUntil(log: MessageLog, last: string): Promise<string[]> {
  const seen: string[] = [];
  while (seen.at(-1) !== last) seen.push(...(await drain(log, 1)));
  return seen;
}

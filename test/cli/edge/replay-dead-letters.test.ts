import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDeadLetters } from '../../../cli/edge/dead-letters.js';
import type { StoredMessage } from '../../../cli/edge/frame.js';
import { openMessageLog, type MessageLog } from '../../../cli/edge/message-log.js';
import { replayDeadLetters, takeDeadLetters } from '../../../cli/edge/replay-dead-letters.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';

const logger = createLogger({ level: 'silent', pretty: false });
const never = new AbortController().signal;

let folder: string;
let log: MessageLog;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-replay-'));
  log = await openMessageLog({ folder, maxBytes: 1_000_000, logger });
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

const message = (text: string, arrivedAtUs: number): StoredMessage => ({
  ...{ device: 'boiler', arrivedAtUs, contentType: 'application/json' },
  payload: Buffer.from(text),
});

async function refuse(...messages: StoredMessage[]): Promise<void> {
  const letters = await openDeadLetters({ folder });
  await letters.keep(messages.map((one) => ({ code: 'NOT_FOUND', reason: 'no such device', message: one })));
  await letters.close();
}

const replay = (paths: readonly string[], signal = never) =>
  replayDeadLetters({
    ...{ paths, logger, signal },
    keep: (one) => log.append(one),
    waitForRoom: (timeoutMs) => log.waitForRoom(timeoutMs),
  });

async function readLog(): Promise<(readonly [string, number])[]> {
  const { messages } = await log.read(100, never);
  return messages.map(({ message: { payload, arrivedAtUs } }) => [
    Buffer.from(payload).toString(),
    arrivedAtUs,
  ]);
}

describe('the replay of dead letters', () => {
  it('puts them back into the log with the times of their arrival, once', async () => {
    await refuse(message('a', 1_000), message('b', 2_000));
    await replay(await takeDeadLetters(folder, true));
    expect(await readLog()).toEqual([
      ['a', 1_000],
      ['b', 2_000],
    ]);
    expect((await readdir(folder)).filter((name) => name.startsWith('dead-letters'))).toEqual([]);
    expect(await takeDeadLetters(folder, true)).toEqual([]);
  });

  it('leaves them alone unless it is asked', async () => {
    await refuse(message('a', 1_000));
    expect(await takeDeadLetters(folder, false)).toEqual([]);
    expect(await readdir(folder)).toContain('dead-letters.ndjson');
  });

  it('goes on at the next start with what it did not come to, beside new dead letters', async () => {
    await refuse(message('a', 1_000));
    await replay(await takeDeadLetters(folder, true), AbortSignal.abort());
    await refuse(message('b', 2_000));
    await replay(await takeDeadLetters(folder, false));
    expect(await readLog()).toEqual([['a', 1_000]]);
    expect(await readdir(folder)).toContain('dead-letters.ndjson');
  });

  it('does not have later messages arrive before earlier ones, though the clock was set back', async () => {
    await log.close();
    log = await openMessageLog({ folder, maxBytes: 1_000_000, logger, now: () => 10 });
    await log.append({ device: 'boiler', contentType: undefined, payload: Buffer.from('new') });
    await log.append(message('old', 5));
    await log.close();
    log = await openMessageLog({ folder, maxBytes: 1_000_000, logger, now: () => 1 });
    await log.append({ device: 'boiler', contentType: undefined, payload: Buffer.from('newer') });
    const [first, , last] = await readLog();
    expect(last?.[1]).toBeGreaterThan(first?.[1] ?? Infinity);
  });
});

import { describe, expect, it } from '@jest/globals';
import { createLifecycle, withDeadline, type Part } from '../../../kernel/lifecycle/lifecycle.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { waitFor } from '../../support/wait-for.js';

const logger = createLogger({ level: 'silent', pretty: false });

function createDiary() {
  const entries: string[] = [];
  const part = (name: string, own: Partial<Part> = {}): Part => ({
    name,
    async start() {
      await own.start?.();
      entries.push(`start ${name}`);
    },
    async close() {
      entries.push(`close ${name}`);
      await own.close?.();
    },
  });
  return { entries, part };
}

const never = () => new Promise<void>(() => undefined);

describe('the lifecycle of a process', () => {
  it('closes its parts in the reverse order of their start, once', async () => {
    const { entries, part } = createDiary();
    const lifecycle = createLifecycle({ logger, closeDeadlineMs: 1_000 });
    for (const name of ['a', 'b', 'c']) await lifecycle.start(part(name));
    await Promise.all([lifecycle.close(), lifecycle.close()]);
    await lifecycle.close();
    expect(entries).toEqual(['start a', 'start b', 'start c', 'close c', 'close b', 'close a']);
  });

  it('closes what was started, and the part itself, when a start fails; the error comes through', async () => {
    const { entries, part } = createDiary();
    const { start } = createLifecycle({ logger, closeDeadlineMs: 1_000 });
    await start(part('a'));
    const failing = start(part('b', { start: () => Promise.reject(new Error('no port')) }));
    await expect(failing).rejects.toThrow('no port');
    expect(entries).toEqual(['start a', 'close b', 'close a']);
  });

  it('goes on closing when a part fails to, or takes too long', async () => {
    const { entries, part } = createDiary();
    const lifecycle = createLifecycle({ logger, closeDeadlineMs: 300 });
    await lifecycle.start(part('a'));
    await lifecycle.start(part('hangs', { close: never }));
    await lifecycle.start(part('fails', { close: () => Promise.reject(new Error('cannot')) }));
    const startedAt = Date.now();
    await lifecycle.close();
    expect(entries.slice(3)).toEqual(['close fails', 'close hangs', 'close a']);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it('starts nothing once the stop has begun', async () => {
    const { entries, part } = createDiary();
    const lifecycle = createLifecycle({ logger, closeDeadlineMs: 300 });
    await lifecycle.close();
    await expect(lifecycle.start(part('late'))).rejects.toThrow(
      'late was not started: the process is stopping',
    );
    expect(entries).toEqual([]);
  });

  it('lets a part that is starting come to its senses before it is closed', async () => {
    const { entries, part } = createDiary();
    const lifecycle = createLifecycle({ logger, closeDeadlineMs: 2_000 });
    let goOn: () => void = () => undefined;
    const starting = lifecycle.start(
      part('slow', {
        start: () =>
          new Promise((resolve) => {
            goOn = resolve;
          }),
      }),
    );
    const closing = lifecycle.close();
    goOn();
    await Promise.all([starting, closing]);
    expect(entries).toEqual(['start slow', 'close slow']);
  });

  it('closes a part whose start hangs all the same', async () => {
    const { entries, part } = createDiary();
    const lifecycle = createLifecycle({ logger, closeDeadlineMs: 200 });
    void lifecycle.start(part('hangs', { start: never }));
    await lifecycle.close();
    expect(entries).toEqual(['close hangs']);
  });
});

describe('a deadline', () => {
  it('gives what the work gives in time', async () => {
    await expect(withDeadline(Promise.resolve(5), 1_000, 'adding')).resolves.toBe(5);
    await expect(withDeadline(Promise.reject(new Error('no')), 1_000, 'adding')).rejects.toThrow('no');
  });

  it('names what took too long, and hears no later error of it', async () => {
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    await expect(withDeadline(work, 20, 'adding')).rejects.toThrow('adding took longer than 20 ms');
    fail(new Error('too late for anybody'));
    await waitFor('the error is over', () => new Promise<true>((resolve) => setImmediate(resolve, true)));
  });
});

import { describe, expect, it } from '@jest/globals';
import type { Notification } from '../../../kernel/database/notification-sender.js';
import { decodePacket } from '../../../kernel/events/live-packet.js';
import { createNotifyQueue, type NotifyQueue } from '../../../kernel/events/notify-queue.js';
import { waitFor } from '../../support/wait-for.js';

const ORIGIN = '0123456789abcdef';

/** A server that can be slow or away. */
function createFakeServer(capacity = 100): {
  queue: NotifyQueue;
  numbers(): readonly number[];
  fail(failing: boolean): void;
  hold(): () => void;
} {
  const received: Notification[] = [];
  let failing = false;
  let held: Promise<void> = Promise.resolve();
  const queue = createNotifyQueue({
    origin: ORIGIN,
    capacity,
    onError: () => undefined,
    sender: {
      async send(notifications) {
        await held;
        if (failing) throw new Error('the server is away');
        received.push(...notifications);
      },
      close: () => Promise.resolve(),
    },
  });
  return {
    queue,
    numbers: () => received.map(({ payload }) => decodePacket(payload)?.number ?? -1),
    fail(value) {
      failing = value;
    },
    hold() {
      let release: () => void = () => undefined;
      held = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
  };
}

describe('the queue of notifications', () => {
  it('numbers the packets of a channel without a hole', async () => {
    const { queue, numbers } = createFakeServer();
    await Promise.all([queue.add('a', ['[1]', '[2]']), queue.add('a', ['[3]'])]);
    expect(numbers()).toEqual([1, 2, 3]);
  });

  it('leaves out the numbers of what could not be sent, and closes with an empty packet when nothing follows', async () => {
    const { queue, numbers, fail } = createFakeServer();
    await queue.add('a', ['[1]']);
    fail(true);
    await expect(queue.add('a', ['[2]'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    fail(false);
    await waitFor('the empty packet is sent', () => numbers().length === 2);
    const [, last = 0] = numbers();
    expect(last).toBeGreaterThan(2);
  });

  it('refuses what is beyond its bound, and leaves out a number for it', async () => {
    const { queue, numbers, hold } = createFakeServer(2);
    const release = hold();
    // The first is taken from the queue at once; two more may wait.
    const accepted = [queue.add('a', ['[1]'])];
    accepted.push(queue.add('a', ['[2]', '[3]']));
    await expect(queue.add('a', ['[4]'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    release();
    await Promise.all(accepted);
    await waitFor('the empty packet is sent', () => numbers().length === 4);
    expect(numbers()).toEqual([1, 2, 3, 5]);
  });

  it('sends what waits before it closes, and takes nothing more', async () => {
    const { queue, numbers, hold } = createFakeServer();
    const release = hold();
    const first = queue.add('a', ['[1]']);
    const second = queue.add('a', ['[2]']);
    const closing = queue.close();
    release();
    await Promise.all([first, second, closing]);
    expect(numbers()).toEqual([1, 2]);
    await expect(queue.add('a', ['[3]'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('closes though the server is away', async () => {
    const { queue, fail } = createFakeServer();
    fail(true);
    const refused = expect(queue.add('a', ['[1]'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await queue.close();
    await refused;
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import type { Notification, NotificationSender } from '../database/notification-sender.js';
import { AegisError } from '../errors/aegis-error.js';
import { encodePacket } from './live-packet.js';

export interface NotifyQueueOptions {
  readonly origin: string;
  readonly sender: NotificationSender;
  /** The most packets that wait. */
  readonly capacity: number;
  /** Told of each failure to send. */
  readonly onError: (error: unknown) => void;
}

/**
 * Sends packets one batch after the other, so that those of a channel arrive in their order. When packets cannot be
 * sent, or there are more than may wait, they are dropped: their numbers stay out, by which listeners notice, if need be
 * through an empty packet that follows as soon as the server is back.
 */
export interface NotifyQueue {
  /** Resolves when the packets are sent. Errors: UNAVAILABLE when they are dropped. */
  add(channel: string, bodies: readonly string[]): Promise<void>;
  /** Sends what waits, for as long as the server takes it, and ends. */
  close(): Promise<void>;
}

interface Packet extends Notification {
  readonly number: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Packets in one statement: at most 1 MiB. */
const BATCH = 128;
const RETRY_MS = 500;

/** Makes the queue; it sends as long as something waits. */
export function createNotifyQueue({ origin, sender, capacity, onError }: NotifyQueueOptions): NotifyQueue {
  const numbers = new Map<string, number>();
  /** The last number that each channel has left out, until one beyond it is sent. */
  const owed = new Map<string, number>();
  const waiting: Packet[] = [];
  const closing = new AbortController();
  let sending: Promise<void> | undefined;

  function nextNumber(channel: string): number {
    const number = (numbers.get(channel) ?? 0) + 1;
    numbers.set(channel, number);
    return number;
  }

  function enqueue(channel: string, body: string): Promise<void> {
    const number = nextNumber(channel);
    return new Promise<void>((resolve, reject) => {
      waiting.push({ channel, number, payload: encodePacket(origin, number, body), resolve, reject });
    });
  }

  async function sendAll(): Promise<void> {
    try {
      while (waiting.length > 0 || owed.size > 0) {
        if (waiting.length === 0) enqueueOwed();
        const sent = await sendBatch(waiting.splice(0, BATCH));
        if (!sent && closing.signal.aborted) break;
        if (!sent) await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    } finally {
      sending = undefined;
    }
  }

  function enqueueOwed(): void {
    // One that fails is owed again.
    for (const channel of owed.keys()) enqueue(channel, '[]').catch(() => undefined);
  }

  async function sendBatch(batch: readonly Packet[]): Promise<boolean> {
    try {
      await sender.send(batch);
      for (const { channel, number, resolve } of batch) {
        if (number > (owed.get(channel) ?? Infinity)) owed.delete(channel);
        resolve();
      }
      return true;
    } catch (error) {
      onError(error);
      for (const { channel, number, reject } of batch) {
        owed.set(channel, Math.max(number, owed.get(channel) ?? 0));
        reject(unavailable('the server did not take them', error));
      }
      return false;
    }
  }

  return {
    async add(channel, bodies) {
      if (closing.signal.aborted) throw unavailable('the bus is closed');
      if (waiting.length + bodies.length > capacity) {
        owed.set(channel, nextNumber(channel));
        throw unavailable(`more than ${capacity} packets wait already`);
      }
      const packets = bodies.map((body) => enqueue(channel, body));
      sending ??= sendAll();
      await Promise.all(packets);
    },
    async close() {
      closing.abort();
      await sending;
    },
  };
}

function unavailable(reason: string, cause?: unknown): AegisError {
  return new AegisError('UNAVAILABLE', `live messages were not sent to other processes: ${reason}.`, {
    cause,
  });
}

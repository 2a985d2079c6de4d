import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { encodeFrame, type StoredMessage } from './frame.js';
import type { LogPlace } from './log-place.js';
import { SegmentStore, type LogPage } from './segment-store.js';
import { WakeUps } from './wake-ups.js';

/** A message as it came. The log gives it its time, unless it has one from when it was here before. */
export type NewMessage = Omit<StoredMessage, 'arrivedAtUs'> & Partial<Pick<StoredMessage, 'arrivedAtUs'>>;

/** How much lies in the log. */
export interface LogUse {
  /** Bytes of segments on disk. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** When the oldest message arrived that the hub does not have, in milliseconds since 1970; undefined when there is none. */
  readonly oldestAtMs: number | undefined;
}

export interface MessageLogOptions {
  readonly folder: string;
  /** What the segments may take on disk; beyond it nothing more is taken. */
  readonly maxBytes: number;
  /** A segment is ended when it is larger. */
  readonly segmentBytes?: number;
  readonly logger: Logger;
  readonly now?: () => number;
}

interface Waiting {
  readonly frame: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: AegisError) => void;
}

const SEGMENT_BYTES = 16 * 1_048_576;
/** A log has at least so many segments when it is full: what was handed on makes room by whole segments. */
const MIN_SEGMENTS = 8;
/** How much may wait in memory for the disk, in bytes. */
const MAX_WAITING_BYTES = 32 * 1_048_576;
/** What is waited for when the log is full, in bytes: room for more than the one message that comes first. */
const MIN_ROOM_BYTES = 65_536;
const RETRY_AFTER_MS = 5_000;

/** Opens the log of a folder. */
export async function openMessageLog(options: MessageLogOptions): Promise<MessageLog> {
  const { folder, maxBytes, logger, now = Date.now } = options;
  const segmentBytes = options.segmentBytes ?? Math.min(SEGMENT_BYTES, Math.floor(maxBytes / MIN_SEGMENTS));
  const store = new SegmentStore({ folder, segmentBytes, logger });
  await store.open();
  return new MessageLog(store, { maxBytes, logger, now });
}

/**
 * Messages on disk, in the order in which they came, until the hub has them. When the log is full, nothing is dropped: new
 * messages are refused until the hub has taken some.
 */
export class MessageLog {
  readonly #store: SegmentStore;
  readonly #options: { readonly maxBytes: number; readonly logger: Logger; readonly now: () => number };
  readonly #grown = new WakeUps();
  readonly #shrunk = new WakeUps();
  #lastArrivedAtUs: number;
  #oldestAtMs: number | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #closed = false;

  constructor(
    store: SegmentStore,
    options: { readonly maxBytes: number; readonly logger: Logger; readonly now: () => number },
  ) {
    this.#store = store;
    this.#options = options;
    this.#lastArrivedAtUs = store.lastArrivedAtUs;
  }

  /**
   * Resolves once the message is on the disk (fdatasync).
   *
   * Errors: RATE_LIMITED when the log is full, UNAVAILABLE when the disk does not take it; both may pass.
   */
  append({ device, contentType, payload, arrivedAtUs: known }: NewMessage): Promise<void> {
    if (this.#closed) return Promise.reject(diskFailed(undefined));
    const arrivedAtUs = known ?? this.#nextArrival(payload);
    const frame = encodeFrame({ device, contentType, payload, arrivedAtUs });
    if (this.#waitingBytes + frame.length > MAX_WAITING_BYTES || this.#room() < frame.length)
      return Promise.reject(logFull(this.#options.maxBytes));
    this.#waitingBytes += frame.length;
    this.#oldestAtMs ??= this.#options.now();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ frame, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** The next messages that the hub does not have, at most `maxMessages`; waits for one until the signal is aborted. */
  async read(maxMessages: number, signal: AbortSignal): Promise<LogPage> {
    while (!signal.aborted) {
      const woken = this.#grown.next(signal);
      const page = await this.#store.read(maxMessages);
      if (page.messages.length > 0) {
        woken.stop();
        this.#oldestAtMs = (page.messages[0]?.message.arrivedAtUs ?? 0) / 1_000;
        return page;
      }
      this.#oldestAtMs = this.#waiting.length > 0 ? this.#options.now() : undefined;
      await woken.heard;
    }
    return { messages: [] };
  }

  /** Everything before a place has been handed on: it is forgotten. */
  async forget(place: LogPlace): Promise<void> {
    if (await this.#store.forget(place)) this.#shrunk.wake();
  }

  /** Waits until there is room again. Errors: RATE_LIMITED when there is none in time. */
  async waitForRoom(timeoutMs: number): Promise<void> {
    if (this.#room() >= MIN_ROOM_BYTES) return;
    const deadline = AbortSignal.timeout(timeoutMs);
    while (this.#room() < MIN_ROOM_BYTES) {
      if (deadline.aborted || this.#closed) throw logFull(this.#options.maxBytes);
      await this.#shrunk.next(deadline).heard;
    }
  }

  use(): LogUse {
    return { bytes: this.#store.bytes, maxBytes: this.#options.maxBytes, oldestAtMs: this.#oldestAtMs };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#shrunk.wake();
    this.#grown.wake();
    await this.#flushing;
    await this.#store.close();
  }

  #room(): number {
    return this.#options.maxBytes - this.#store.bytes - this.#waitingBytes;
  }

  /** Each message gets a time of its own, far enough from the next for as many values as it may hold. */
  #nextArrival(payload: Uint8Array): number {
    const arrivedAtUs = Math.max(Math.floor(this.#options.now() * 1_000), this.#lastArrivedAtUs + 1);
    this.#lastArrivedAtUs = arrivedAtUs + (payload.length >> 1);
    return arrivedAtUs;
  }

  /** Everything that waits goes to the disk in one write and one fdatasync. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#store.append(Buffer.concat(batch.map(({ frame }) => frame)));
        for (const { resolve } of batch) resolve();
        this.#grown.wake();
      } catch (error) {
        this.#options.logger.error(
          { err: error },
          'the disk did not take messages; their senders send them again',
        );
        for (const { reject } of batch) reject(diskFailed(error));
      }
      this.#waitingBytes -= batch.reduce((sum, { frame }) => sum + frame.length, 0);
    }
    // In the same turn in which nothing waits: whoever comes next begins anew.
    this.#flushing = undefined;
  }
}

function logFull(maxBytes: number): AegisError {
  return new AegisError(
    'RATE_LIMITED',
    `the edge holds as much as it may (${maxBytes} bytes) and cannot reach the hub to hand it on; send it again later.`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

function diskFailed(cause: unknown): AegisError {
  return new AegisError('UNAVAILABLE', 'the edge could not write the message to its disk; send it again.', {
    retryAfterMs: 1_000,
    ...(cause === undefined ? {} : { cause }),
  });
}

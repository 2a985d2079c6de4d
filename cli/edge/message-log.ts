import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { encodeFrame, type StoredMessage } from './frame.js';
import { readPlace, writePlace, type LogPlace } from './log-place.js';
import { readSegment, scanSegment, syncFolder } from './segment-file.js';

/** A message as it came; the log gives it its time. */
export type NewMessage = Omit<StoredMessage, 'arrivedAtUs'>;

/** The next messages, and the place behind each of them. */
export interface LogPage {
  readonly messages: readonly { readonly message: StoredMessage; readonly next: LogPlace }[];
}

/** How much lies in the log. */
export interface LogUse {
  /** Bytes of segments on disk. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** When the oldest message arrived that the hub does not have, in milliseconds since 1970; undefined when there is none. */
  readonly oldestAtMs: number | undefined;
}

/** Messages on disk, in the order in which they came, until the hub has them. */
export interface MessageLog {
  /**
   * Resolves once the message is on the disk (fdatasync).
   *
   * Errors: RATE_LIMITED when the log is full, UNAVAILABLE when the disk does not take it; both may pass.
   */
  append(message: NewMessage): Promise<void>;
  /** The next messages that the hub does not have, at most `maxMessages`; waits for one until the signal is aborted. */
  read(maxMessages: number, signal: AbortSignal): Promise<LogPage>;
  /** Everything before a place has been handed on: it is forgotten. */
  forget(place: LogPlace): Promise<void>;
  /** Waits until there is room again. Errors: RATE_LIMITED when there is none in time. */
  waitForRoom(timeoutMs: number): Promise<void>;
  use(): LogUse;
  close(): Promise<void>;
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

interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: FileHandle;
  /** Up to where it is on the disk. */
  bytes: number;
}

interface Waiting {
  readonly frame: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: AegisError) => void;
}

const SEGMENT_BYTES = 16 * 1_048_576;
/** How much may wait in memory for the disk, in bytes. */
const MAX_WAITING_BYTES = 32 * 1_048_576;
const RETRY_AFTER_MS = 5_000;
const SEGMENT_NAME = /^(\d{12})\.log$/;

/**
 * Opens the log of a folder. What a crash left half-written at its end was never acknowledged: it is cut off and kept
 * beside it.
 *
 * When the log is full, nothing is dropped: new messages are refused until the hub has taken some (RATE_LIMITED).
 */
export async function openMessageLog(options: MessageLogOptions): Promise<MessageLog> {
  const { folder, maxBytes, segmentBytes = SEGMENT_BYTES, logger, now = Date.now } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const opened = await openSegments(folder, logger);
  const segments: Segment[] = opened.segments;
  let place = findStart(segments, await readPlace(folder));
  let lastArrivedAtUs = Math.max(opened.lastArrivedAtUs, place.arrivedAtUs);
  let oldestAtMs: number | undefined;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let flushing: Promise<void> | undefined;
  let closed = false;
  const grown = new Set<() => void>();
  const shrunk = new Set<() => void>();

  const usedBytes = () => segments.reduce((sum, { bytes }) => sum + bytes, 0);

  /** Each message gets a time of its own, far enough from the next for as many values as it may hold. */
  function nextArrival(payload: Uint8Array): number {
    lastArrivedAtUs = Math.max(Math.floor(now() * 1_000), lastArrivedAtUs + 1);
    const arrivedAtUs = lastArrivedAtUs;
    lastArrivedAtUs += payload.length >> 1;
    return arrivedAtUs;
  }

  async function activeSegment(): Promise<Segment> {
    const last = segments.at(-1);
    if (last && last.bytes < segmentBytes) return last;
    const segment = await createSegment(folder, (last?.number ?? place.segment) + 1);
    segments.push(segment);
    return segment;
  }

  /** Everything that waits goes to the disk in one write and one fdatasync. */
  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      waitingBytes = 0;
      try {
        await write(Buffer.concat(batch.map(({ frame }) => frame)));
        for (const { resolve } of batch) resolve();
        for (const wake of [...grown]) wake();
      } catch (error) {
        logger.error({ err: error }, 'the disk did not take messages; their senders are told to try again');
        for (const { reject } of batch) reject(diskFailed(error));
      }
    }
    // In the same turn in which nothing waits: whoever comes next begins anew.
    flushing = undefined;
  }

  async function write(bytes: Buffer): Promise<void> {
    const segment = await activeSegment();
    try {
      const { bytesWritten } = await segment.file.write(bytes, 0, bytes.length, segment.bytes);
      if (bytesWritten < bytes.length)
        throw new Error(`${bytesWritten} of ${bytes.length} bytes were written`);
      await segment.file.datasync();
      segment.bytes += bytes.length;
    } catch (error) {
      // What of it reached the disk is not known: the segment ends where it was whole, and another one begins.
      await segment.file.truncate(segment.bytes).catch(() => undefined);
      segments.push(await createSegment(folder, segment.number + 1));
      throw error;
    }
  }

  async function readNext(maxMessages: number): Promise<LogPage> {
    for (;;) {
      const segment = segments.find(({ number }) => number >= place.segment);
      if (!segment) return { messages: [] };
      const from = segment.number === place.segment ? place.offset : 0;
      if (from < segment.bytes) {
        const page = await readSegment(segment.file, { from, through: segment.bytes, maxMessages });
        if (page.messages.length > 0) {
          return {
            messages: page.messages.map(({ message, endsAt }) => ({
              message,
              next: { segment: segment.number, offset: endsAt, arrivedAtUs: message.arrivedAtUs },
            })),
          };
        }
        await setAside(segment, from);
      }
      if (segment === segments.at(-1)) return { messages: [] };
      place = { ...place, segment: segment.number + 1, offset: 0 };
    }
  }

  /** A segment that was damaged on the disk: what can be read of it has been; the rest is kept for people. */
  async function setAside(segment: Segment, from: number): Promise<void> {
    const bytes = segment.bytes - from;
    logger.error(
      { segment: segment.path, bytes, from },
      'a part of the log is damaged and cannot be forwarded',
    );
    await rename(segment.path, `${segment.path}.damaged`).catch(() => undefined);
    if (segment !== segments.at(-1)) return;
    segments.push(await createSegment(folder, segment.number + 1));
  }

  return {
    append({ device, contentType, payload }) {
      if (closed) return Promise.reject(diskFailed(undefined));
      const frame = encodeFrame({ device, contentType, payload, arrivedAtUs: nextArrival(payload) });
      const fits = waitingBytes + frame.length <= MAX_WAITING_BYTES;
      if (!fits || usedBytes() + waitingBytes + frame.length > maxBytes)
        return Promise.reject(logFull(maxBytes));
      waitingBytes += frame.length;
      oldestAtMs ??= now();
      return new Promise((resolve, reject) => {
        waiting.push({ frame, resolve, reject });
        flushing ??= flush();
      });
    },
    async read(maxMessages, signal) {
      while (!signal.aborted) {
        const woken = listenOnce(grown, signal);
        const page = await readNext(maxMessages);
        if (page.messages.length > 0) {
          woken.stop();
          oldestAtMs = (page.messages[0]?.message.arrivedAtUs ?? 0) / 1_000;
          return page;
        }
        oldestAtMs = waiting.length > 0 ? now() : undefined;
        await woken.heard;
      }
      return { messages: [] };
    },
    async forget(next) {
      place = next;
      await writePlace(folder, next);
      const done = segments.filter((one) => one.number < next.segment && one !== segments.at(-1));
      const last = segments.at(-1);
      // The segment that is written to goes as well once all of it has been handed on and it has its size.
      if (last?.number === next.segment && last.bytes === next.offset && last.bytes >= segmentBytes) {
        segments.push(await createSegment(folder, last.number + 1));
        done.push(last);
      }
      for (const segment of done) {
        segments.splice(segments.indexOf(segment), 1);
        await segment.file.close();
        await rm(segment.path, { force: true });
      }
      if (done.length > 0) for (const wake of [...shrunk]) wake();
    },
    async waitForRoom(timeoutMs) {
      const deadline = AbortSignal.timeout(timeoutMs);
      while (usedBytes() + waitingBytes + MIN_ROOM_BYTES > maxBytes) {
        if (deadline.aborted || closed) throw logFull(maxBytes);
        await listenOnce(shrunk, deadline).heard;
      }
    },
    use: () => ({ bytes: usedBytes(), maxBytes, oldestAtMs }),
    async close() {
      closed = true;
      for (const wake of [...shrunk, ...grown]) wake();
      await flushing;
      for (const { file } of segments) await file.close();
    },
  };
}

/** What is waited for when the log is full, in bytes: room for more than the one message that comes first. */
const MIN_ROOM_BYTES = 65_536;

/** Resolves at the next call of the set, or when the signal is aborted. */
function listenOnce(listeners: Set<() => void>, signal: AbortSignal) {
  let stop = () => undefined as void;
  const heard = new Promise<void>((resolve) => {
    stop = () => {
      listeners.delete(stop);
      signal.removeEventListener('abort', stop);
      resolve();
    };
    listeners.add(stop);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  return { heard, stop };
}

interface OpenedSegments {
  readonly segments: Segment[];
  readonly lastArrivedAtUs: number;
}

async function openSegments(folder: string, logger: Logger): Promise<OpenedSegments> {
  const names = (await readdir(folder)).filter((name) => SEGMENT_NAME.test(name)).sort();
  const segments: Segment[] = [];
  let lastArrivedAtUs = 0;
  for (const [index, name] of names.entries()) {
    const path = join(folder, name);
    const file = await open(path, 'r+');
    const isLast = index === names.length - 1;
    let { size: bytes } = await stat(path);
    if (isLast) {
      const content = await scanSegment(file);
      if (content.endsAt < bytes) await cutTail(path, file, { ...content, bytes, logger });
      bytes = content.endsAt;
      lastArrivedAtUs = content.lastArrivedAtUs;
    }
    segments.push({ number: Number(SEGMENT_NAME.exec(name)?.[1]), path, file, bytes });
  }
  return { segments, lastArrivedAtUs };
}

/** What a crash left half-written: nobody was told that it is stored. */
async function cutTail(
  path: string,
  file: FileHandle,
  { endsAt, bytes, logger }: { readonly endsAt: number; readonly bytes: number; readonly logger: Logger },
): Promise<void> {
  const tail = Buffer.alloc(bytes - endsAt);
  await file.read(tail, 0, tail.length, endsAt);
  const kept = await open(`${path}.torn`, 'a', 0o600);
  try {
    await kept.write(tail);
  } finally {
    await kept.close();
  }
  await file.truncate(endsAt);
  await file.datasync();
  logger.warn({ segment: path, bytes: tail.length }, 'cut off what was half-written at the end of the log');
}

async function createSegment(folder: string, number: number): Promise<Segment> {
  const path = join(folder, `${String(number).padStart(12, '0')}.log`);
  const file = await open(path, 'wx+', 0o600);
  await syncFolder(folder);
  return { number, path, file, bytes: 0 };
}

/** Begins where it stopped, or at the oldest message that there is: one that is sent twice does no harm. */
function findStart(segments: readonly Segment[], known: LogPlace | undefined): LogPlace {
  const first = segments[0]?.number ?? 0;
  if (!known) return { segment: first, offset: 0, arrivedAtUs: 0 };
  const segment = segments.find(({ number }) => number === known.segment);
  if (segment && known.offset <= segment.bytes) return known;
  if (known.segment > (segments.at(-1)?.number ?? 0)) return known;
  return { ...known, segment: Math.max(first, known.segment), offset: 0 };
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

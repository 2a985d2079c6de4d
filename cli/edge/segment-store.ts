import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { StoredMessage } from './frame.js';
import { readPlace, writePlace, type LogPlace } from './log-place.js';
import { readSegment, scanSegment, syncFolder } from './segment-file.js';

/** The next messages, and the place behind each of them. */
export interface LogPage {
  readonly messages: readonly { readonly message: StoredMessage; readonly next: LogPlace }[];
}

export interface SegmentStoreOptions {
  readonly folder: string;
  /** A segment is ended when it is larger. */
  readonly segmentBytes: number;
  readonly logger: Logger;
}

interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: FileHandle;
  /** Up to where it is on the disk. */
  bytes: number;
}

const SEGMENT_NAME = /^(\d{12})\.log$/;

/** The files of a log, in their order: written at the end of the last, read from a place on, removed from the first. */
export class SegmentStore {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #logger: Logger;
  readonly #segments: Segment[] = [];
  #place: LogPlace = { segment: 0, offset: 0, arrivedAtUs: 0 };
  #lastArrivedAtUs = 0;

  constructor({ folder, segmentBytes, logger }: SegmentStoreOptions) {
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    this.#logger = logger;
  }

  /** Reads what is there. What a crash left half-written at the end is cut off and kept beside it. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#folder)).filter((name) => SEGMENT_NAME.test(name)).sort();
    for (const name of names) await this.#openSegment(name, name === names.at(-1));
    this.#place = findStart(this.#segments, await readPlace(this.#folder));
    this.#lastArrivedAtUs = Math.max(this.#lastArrivedAtUs, this.#place.arrivedAtUs);
  }

  /** When the newest message arrived, in microseconds since 1970. */
  get lastArrivedAtUs(): number {
    return this.#lastArrivedAtUs;
  }

  /** What the segments take on the disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Resolves once the frames are on the disk (fdatasync). Errors: those of the disk; nothing of them is kept then. */
  async append(frames: Buffer): Promise<void> {
    const segment = await this.#activeSegment();
    try {
      const { bytesWritten } = await segment.file.write(frames, 0, frames.length, segment.bytes);
      if (bytesWritten < frames.length)
        throw new Error(`${bytesWritten} of ${frames.length} bytes were written`);
      await segment.file.datasync();
      segment.bytes += frames.length;
    } catch (error) {
      // What of it reached the disk is not known: the segment ends where it was whole, and another one begins.
      await segment.file.truncate(segment.bytes).catch(() => undefined);
      await this.#addSegment(segment.number + 1);
      throw error;
    }
  }

  /** The next messages that were not forgotten, at most `maxMessages`. */
  async read(maxMessages: number): Promise<LogPage> {
    for (;;) {
      const segment = this.#segments.find(({ number }) => number >= this.#place.segment);
      if (!segment) return { messages: [] };
      const page = await this.#readFrom(segment, maxMessages);
      if (page.messages.length > 0 || segment === this.#segments.at(-1)) return page;
      this.#place = { ...this.#place, segment: segment.number + 1, offset: 0 };
    }
  }

  /** Everything before a place has been handed on. Whether files were removed. */
  async forget(place: LogPlace): Promise<boolean> {
    const arrivedAtUs = Math.max(place.arrivedAtUs, this.#place.arrivedAtUs);
    this.#place = { ...place, arrivedAtUs };
    await writePlace(this.#folder, this.#place);
    const last = this.#segments.at(-1);
    // The one that is written to goes as well, once all of it has been handed on and it has its size.
    if (last?.number === place.segment && last.bytes === place.offset && last.bytes >= this.#segmentBytes)
      await this.#addSegment(last.number + 1);
    const done = this.#segments.filter((one) => one !== this.#segments.at(-1) && isBehind(one, place));
    for (const segment of done) {
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      await segment.file.close();
      await rm(segment.path, { force: true });
    }
    return done.length > 0;
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments) await file.close();
  }

  async #openSegment(name: string, isLast: boolean): Promise<void> {
    const path = join(this.#folder, name);
    const file = await open(path, 'r+');
    let { size: bytes } = await stat(path);
    if (isLast) {
      const { endsAt, lastArrivedAtUs } = await scanSegment(file);
      if (endsAt < bytes) await this.#cutTail({ path, file, endsAt, bytes });
      bytes = endsAt;
      this.#lastArrivedAtUs = lastArrivedAtUs;
    }
    this.#segments.push({ number: Number(SEGMENT_NAME.exec(name)?.[1]), path, file, bytes });
  }

  /** What a crash left half-written: nobody was told that it is stored. */
  async #cutTail({ path, file, endsAt, bytes }: Tail): Promise<void> {
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
    this.#logger.warn(
      { segment: path, bytes: tail.length },
      'cut off what was half-written at the end of the log',
    );
  }

  async #activeSegment(): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last && last.bytes < this.#segmentBytes) return last;
    return this.#addSegment((last?.number ?? this.#place.segment) + 1);
  }

  async #addSegment(number: number): Promise<Segment> {
    const path = join(this.#folder, `${String(number).padStart(12, '0')}.log`);
    const file = await open(path, 'wx+', 0o600);
    await syncFolder(this.#folder);
    const segment = { number, path, file, bytes: 0 };
    this.#segments.push(segment);
    return segment;
  }

  async #readFrom(segment: Segment, maxMessages: number): Promise<LogPage> {
    const from = segment.number === this.#place.segment ? this.#place.offset : 0;
    if (from >= segment.bytes) return { messages: [] };
    const { messages } = await readSegment(segment.file, { from, through: segment.bytes, maxMessages });
    if (messages.length === 0) await this.#setAside(segment, from);
    return {
      messages: messages.map(({ message, endsAt }) => ({
        message,
        next: { segment: segment.number, offset: endsAt, arrivedAtUs: message.arrivedAtUs },
      })),
    };
  }

  /** A segment that was damaged on the disk: what can be read of it has been; the rest is kept for people. */
  async #setAside(segment: Segment, from: number): Promise<void> {
    this.#logger.error(
      { segment: segment.path, bytes: segment.bytes - from, from },
      'a part of the log is damaged and cannot be handed on; it is kept beside the log',
    );
    await rename(segment.path, `${segment.path}.damaged`).catch(() => undefined);
    if (segment === this.#segments.at(-1)) await this.#addSegment(segment.number + 1);
  }
}

interface Tail {
  readonly path: string;
  readonly file: FileHandle;
  readonly endsAt: number;
  readonly bytes: number;
}

/** Whether all of a segment lies before a place. */
function isBehind({ number, bytes }: Segment, place: LogPlace): boolean {
  return number < place.segment || (number === place.segment && bytes === place.offset);
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

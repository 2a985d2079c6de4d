import { open, rename, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeFrame, type StoredMessage } from './frame.js';

/** How much of a segment is read at once, in bytes. */
const READ_BYTES = 1_048_576;

/** Messages of a segment, and where the next one stands. */
export interface SegmentPage {
  readonly messages: readonly { readonly message: StoredMessage; readonly endsAt: number }[];
  /** Whether what stands behind them is no frame. */
  readonly damaged: boolean;
}

/**
 * Reads the messages of a segment from a place on, at most `maxMessages`.
 *
 * @param through up to where the file is known to be written whole.
 */
export async function readSegment(
  file: FileHandle,
  { from, through, maxMessages }: { from: number; through: number; maxMessages: number },
): Promise<SegmentPage> {
  const messages: SegmentPage['messages'][number][] = [];
  let buffer = await readAt(file, from, Math.min(READ_BYTES, through - from));
  for (let at = 0; messages.length < maxMessages;) {
    const reading = decodeFrame(buffer, at);
    if (reading.kind === 'damaged') return { messages, damaged: true };
    if (reading.kind === 'incomplete') {
      // What does not fit into one read is read alone; otherwise it waits for the next page.
      if (messages.length > 0 || from + reading.bytes > through) {
        return { messages, damaged: messages.length === 0 && from < through };
      }
      if (buffer.length >= reading.bytes) return { messages, damaged: true };
      buffer = await readAt(file, from, reading.bytes);
      if (buffer.length < reading.bytes) return { messages, damaged: true };
      continue;
    }
    at += reading.bytes;
    messages.push({ message: reading.message, endsAt: from + at });
  }
  return { messages, damaged: false };
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(0, bytes));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}

/** What a segment holds, as far as it can be read. */
export interface SegmentContent {
  readonly count: number;
  /** Where the last whole frame ends. */
  readonly endsAt: number;
  readonly lastArrivedAtUs: number;
}

/** Reads a segment to its end, or to where it is damaged. */
export async function scanSegment(file: FileHandle): Promise<SegmentContent> {
  const { size } = await file.stat();
  let content: SegmentContent = { count: 0, endsAt: 0, lastArrivedAtUs: 0 };
  for (;;) {
    const page = await readSegment(file, { from: content.endsAt, through: size, maxMessages: 10_000 });
    const last = page.messages.at(-1);
    if (!last) return content;
    content = {
      count: content.count + page.messages.length,
      endsAt: last.endsAt,
      // Those that are handed on again have the times of old.
      lastArrivedAtUs: page.messages.reduce(
        (newest, { message }) => Math.max(newest, message.arrivedAtUs),
        content.lastArrivedAtUs,
      ),
    };
  }
}

/** Makes a new name in a folder last: its own content is synced by the file itself. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a small file as a whole: after a crash there is the old one or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

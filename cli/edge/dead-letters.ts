import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredMessage } from './frame.js';

/** Why a message was not taken, and will not be as things are. */
export interface DeadLetterReason {
  readonly code: string;
  readonly reason: string;
}

/** Messages that the hub will not take as things are, kept for people, who may have them handed on again. */
export interface DeadLetters {
  /** Resolves once they are on the disk. */
  keep(letters: readonly (DeadLetterReason & { readonly message: StoredMessage })[]): Promise<void>;
  close(): Promise<void>;
}

export interface DeadLettersOptions {
  readonly folder: string;
  /** A file of this size is put aside for a new one; of those put aside only the last is kept. */
  readonly maxFileBytes?: number;
}

const FILE = 'dead-letters.ndjson';
const FORMER_FILE = `${FILE}.1`;
const MAX_FILE_BYTES = 32 * 1_048_576;

/** Whether a file of that name holds dead letters. */
export function isDeadLetterFile(name: string): boolean {
  return name === FILE || name === FORMER_FILE;
}

/**
 * Opens the file of dead letters: a line of JSON for each, with its reason and its payload in base64. Bounded: what is
 * older than the last two files is gone.
 */
export async function openDeadLetters({
  folder,
  maxFileBytes = MAX_FILE_BYTES,
}: DeadLettersOptions): Promise<DeadLetters> {
  const path = join(folder, FILE);
  let file: FileHandle = await open(path, 'a', 0o600);

  return {
    async keep(letters) {
      if ((await stat(path)).size >= maxFileBytes) {
        await file.close();
        await rename(path, join(folder, FORMER_FILE));
        file = await open(path, 'a', 0o600);
      }
      await file.write(letters.map(toLine).join(''));
      await file.datasync();
    },
    async close() {
      await file.close();
    },
  };
}

function toLine({
  code,
  reason,
  message: { device, arrivedAtUs, contentType, payload },
}: DeadLetterReason & { readonly message: StoredMessage }): string {
  const encoded = Buffer.from(payload).toString('base64');
  return `${JSON.stringify({ code, reason, device, arrivedAtUs, contentType, payload: encoded })}\n`;
}

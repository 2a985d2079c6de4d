import { createReadStream } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { isDeadLetterFile } from './dead-letters.js';
import type { StoredMessage } from './frame.js';

const TAKEN = /^dead-letters\..*\.again$/;
/** How long one message waits for room in the log before the signal is looked at, in milliseconds. */
const ROOM_TIMEOUT_MS = 1_000;

const letterSchema = z.object({
  device: z.string(),
  arrivedAtUs: z.number(),
  contentType: z.string().optional(),
  payload: z.base64(),
});

export interface ReplayDeps {
  /** The files, as `takeDeadLetters` tells them. */
  readonly paths: readonly string[];
  readonly keep: (message: StoredMessage) => Promise<void>;
  /** Errors: RATE_LIMITED when there is no room in time. */
  readonly waitForRoom: (timeoutMs: number) => Promise<void>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Puts the files of dead letters aside to be handed on again, before new ones are written. Out: the paths of these, and of
 * those that an earlier replay did not come to the end of.
 *
 * @param replay false for what an earlier replay left alone.
 */
export async function takeDeadLetters(folder: string, replay: boolean): Promise<string[]> {
  const files = replay ? (await readdir(folder)).filter(isDeadLetterFile) : [];
  for (const file of files) await rename(join(folder, file), join(folder, `${file}.${Date.now()}.again`));
  const taken = (await readdir(folder)).filter((file) => TAKEN.test(file)).sort();
  return taken.map((file) => join(folder, file));
}

/**
 * Puts dead letters back into the log, with the times at which they arrived: what the hub has already is told as repeated,
 * also when the edge is killed on the way and begins again. Those that it refuses once more become dead letters again.
 */
export async function replayDeadLetters({
  paths,
  keep,
  waitForRoom,
  logger,
  signal,
}: ReplayDeps): Promise<void> {
  for (const path of paths) {
    let count = 0;
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const message = readLetter(line);
      // Half a line was left by a crash, and its message was never taken out of the log.
      if (!message) continue;
      if (!(await keepWhenRoom(message))) return;
      count += 1;
    }
    await rm(path);
    logger.info({ count, file: path }, 'dead letters are handed on again');
  }

  async function keepWhenRoom(message: StoredMessage): Promise<boolean> {
    while (!signal.aborted) {
      try {
        await waitForRoom(ROOM_TIMEOUT_MS);
        await keep(message);
        return true;
      } catch (error) {
        if (!(error instanceof AegisError) || error.code !== 'RATE_LIMITED') throw error;
      }
    }
    return false;
  }
}

function readLetter(line: string): StoredMessage | undefined {
  try {
    const { device, arrivedAtUs, contentType, payload } = letterSchema.parse(JSON.parse(line));
    return { device, arrivedAtUs, contentType, payload: Buffer.from(payload, 'base64') };
  } catch {
    return undefined;
  }
}

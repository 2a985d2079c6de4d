import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { createSerialQueue } from './serial-queue.js';

/** A subgraph that was registered while the gateway ran. */
export interface RegisteredSubgraph {
  readonly name: string;
  readonly url: string;
  readonly sdl: string;
  readonly registeredAt: Date;
  /** Where its contract came from. */
  readonly source: 'URL' | 'SDL';
}

/** What was registered, and stays so when the gateway starts again. */
export interface RegisteredFile {
  /** Errors: when the file is there and cannot be read. */
  load(): Promise<readonly RegisteredSubgraph[]>;
  /** On the disk when it resolves; the file is always whole, the former one or the new one. */
  save(subgraphs: readonly RegisteredSubgraph[]): Promise<void>;
}

const contentSchema = z.object({
  subgraphs: z.array(
    z.object({
      name: z.string(),
      url: z.string(),
      sdl: z.string(),
      registeredAt: z.iso.datetime().transform((text) => new Date(text)),
      source: z.enum(['URL', 'SDL']),
    }),
  ),
});

/** Keeps it in a JSON file that need not be there yet. */
export function createRegisteredFile(file: string): RegisteredFile {
  const oneByOne = createSerialQueue(SAVES);
  return {
    async load() {
      const text = await readFile(file, 'utf8').catch(ignoreMissing);
      if (text === undefined) return [];
      try {
        return contentSchema.parse(JSON.parse(text)).subgraphs;
      } catch (error) {
        throw new Error(`${file}: expected registered subgraphs as the gateway has written them.`, {
          cause: error,
        });
      }
    },
    save: (subgraphs) => oneByOne(() => write(file, `${JSON.stringify({ subgraphs }, undefined, 2)}\n`)),
  };
}

/** How many saves may wait. */
const SAVES = 32;

/** Writes beside the file, then takes its place. */
async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const beside = `${file}.${process.pid}`;
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  await syncFolder(dirname(file));
}

/** The new name of a file is on the disk when its folder is; not every system lets folders be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

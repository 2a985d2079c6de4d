import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from './segment-file.js';

const placeSchema = z.object({
  segment: z.int().min(0),
  offset: z.int().min(0),
  arrivedAtUs: z.number().min(0),
});

/** Up to where the hub has the log: a segment, a place in it, and when the newest message before it arrived. */
export type LogPlace = Readonly<z.infer<typeof placeSchema>>;

const FILE = 'forwarded.json';

/** Reads how far the log was handed on; undefined when that is not known: then from its beginning. */
export async function readPlace(folder: string): Promise<LogPlace | undefined> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => '');
  try {
    return placeSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Writes how far the log was handed on. */
export function writePlace(folder: string, place: LogPlace): Promise<void> {
  return replaceFile(join(folder, FILE), JSON.stringify(place));
}

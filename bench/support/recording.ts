import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

/** A quantity that was recorded. */
export interface RecordedMetric {
  readonly name: string;
  readonly unit: string;
}

/** What was measured at one instant. */
export interface Frame {
  /** Since the beginning of the recording, in milliseconds. */
  readonly atMs: number;
  /** In the order of the metrics; null where one was not measured. */
  readonly values: readonly (number | null)[];
}

/** Measurements of one device. */
export interface Recording {
  readonly recordedAt: string;
  readonly seconds: number;
  readonly metrics: readonly RecordedMetric[];
  readonly frames: readonly Frame[];
}

/** Reads a recording: a line of JSON about it, and one for each instant: `[milliseconds, value, value, …]`; gzip. */
export async function readRecording(path: string): Promise<Recording> {
  const [first = '', ...lines] = gunzipSync(await readFile(path))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  const head = JSON.parse(first) as Omit<Recording, 'frames'>;
  const frames = lines.map((line) => {
    const [atMs, ...values] = JSON.parse(line) as [number, ...(number | null)[]];
    return { atMs, values };
  });
  return { ...head, frames };
}

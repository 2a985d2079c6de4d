import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { SampleStorage } from './sample-storage.js';

export interface SampleRetentionOptions {
  readonly storage: SampleStorage;
  readonly retentionHours: number;
  readonly logger: Logger;
  /** Stops between two chunks. */
  readonly signal: AbortSignal;
  /** The most samples that one transaction removes. */
  readonly chunk?: number;
}

const HOUR_MS = 3_600_000;

/** Removes the samples that are older than the retention allows, a chunk at a time; returns how many. */
export async function pruneSamples(now: Date, options: SampleRetentionOptions): Promise<number> {
  const { storage, retentionHours, logger, signal, chunk = 1_000 } = options;
  const before = new Date(now.getTime() - retentionHours * HOUR_MS);
  let removed = 0;
  while (!signal.aborted) {
    const count = await storage.prune(before, chunk);
    removed += count;
    if (count < chunk) break;
  }
  if (removed > 0) logger.info({ removed, before }, 'removed old samples');
  return removed;
}

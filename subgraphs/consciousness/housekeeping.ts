import type { Logger } from '../../kernel/telemetry/logger.js';
import type { ConsciousnessSettings } from './config.js';
import type { Network } from './network.js';
import { pruneSamples } from './samples/sample-retention.js';

export interface HousekeepingDeps {
  readonly settings: ConsciousnessSettings;
  readonly logger: Logger;
  readonly now: () => Date;
  /** Stops between two steps. */
  readonly signal: AbortSignal;
}

type Kept = Pick<Network, 'storage' | 'measurements' | 'reportStorage' | 'rollups'>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The most rows that one statement removes. */
const CHUNK = 1_000;
/** What is measured may be stored a little later: a minute is rolled up when so much more has passed, in milliseconds. */
const LATE_MS = 15_000;

/** Rolls the numbers of a network up, and removes what is older than its retention allows, a chunk at a time. */
export function createHousekeeping(deps: HousekeepingDeps): (network: Kept) => Promise<void> {
  const { settings, logger, now, signal } = deps;

  async function pruneAll(prune: (limit: number) => Promise<number>): Promise<void> {
    while (!signal.aborted) if ((await prune(CHUNK)) < CHUNK) return;
  }

  return async ({ storage, measurements, reportStorage, rollups }) => {
    const at = now();
    const before = (ageMs: number) => new Date(at.getTime() - ageMs);
    await rollups.roll(before(LATE_MS));
    const { sampleRetentionHours, measurementRetentionHours, rollupRetentionDays, reportRetentionHours } =
      settings;
    await pruneSamples(at, { storage, logger, signal, retentionHours: sampleRetentionHours });
    await pruneAll((limit) => measurements.prune(before(measurementRetentionHours * HOUR_MS), limit));
    await pruneAll((limit) => reportStorage.prune(before(reportRetentionHours * HOUR_MS), limit));
    await rollups.pruneMinutes(before(rollupRetentionDays * DAY_MS));
  };
}

import type { ReadingModel } from '../../models.js';
import type { StandingFusionModel } from './models.js';

/** Counts readings that come after the points were computed in which they would have had a part. */
export interface LateInputs {
  /** Says which readings belong to a fusion, and up to which instant it is computed. */
  follow(fusion: StandingFusionModel, deviceIds: readonly string[]): void;
  /** Forgets all fusions but these. */
  keepOnly(ids: ReadonlySet<string>): void;
  /** Looks at a committed reading. */
  see(reading: ReadingModel): void;
  /** How many came late since the last time. */
  take(id: string): number;
}

interface Followed {
  readonly id: string;
  readonly metric: string;
  readonly deviceIds: ReadonlySet<string>;
  /** The instant of the newest computed point, in milliseconds since 1970. */
  readonly throughMs: number;
}

/** Makes the counter. */
export function createLateInputs(): LateInputs {
  const byMetric = new Map<string, Map<string, Followed>>();
  const counts = new Map<string, number>();

  function forget(id: string): void {
    for (const [metric, fusions] of byMetric) {
      fusions.delete(id);
      if (fusions.size === 0) byMetric.delete(metric);
    }
  }

  return {
    follow({ id, definition: { metric, stepMs }, nextAt }, deviceIds) {
      forget(id);
      const fusions = byMetric.get(metric) ?? new Map<string, Followed>();
      const throughMs = nextAt.getTime() - stepMs;
      byMetric.set(metric, fusions.set(id, { id, metric, deviceIds: new Set(deviceIds), throughMs }));
    },
    keepOnly(ids) {
      for (const fusions of [...byMetric.values()]) {
        for (const id of fusions.keys()) if (!ids.has(id)) forget(id);
      }
      for (const id of counts.keys()) if (!ids.has(id)) counts.delete(id);
    },
    see({ deviceId, metric, measuredAt }) {
      const fusions = byMetric.get(metric);
      if (!fusions) return;
      for (const { id, deviceIds, throughMs } of fusions.values()) {
        if (measuredAt.getTime() > throughMs || !deviceIds.has(deviceId)) continue;
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    },
    take(id) {
      const count = counts.get(id) ?? 0;
      counts.delete(id);
      return count;
    },
  };
}

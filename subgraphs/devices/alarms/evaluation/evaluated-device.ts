import type { DeviceView, Sample } from '../conditions/condition.js';
import type { RuleEntry } from '../rules/rule-entry.js';
import type { Slot } from './slot.js';
import { Track } from './track.js';

/** A metric of a device, and how far back rules look at it. */
export interface TrackKey {
  readonly deviceId: string;
  readonly metric: string;
  readonly windowMs: number;
}

/** A device with the rules that look at it, and what they remember. */
export interface EvaluatedDevice extends DeviceView {
  readonly id: string;
  /** In milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly slots: ReadonlyMap<string, Slot>;
  /** The rules that look when a metric has a newer reading. */
  slotsOf(metric: string): readonly Slot[];
  /** The rules that wait for readings of a metric, or of any. */
  absencesOf(metric: string): readonly Slot[];
  /** When a reading that a rule waits for arrived last; -Infinity for never. */
  lastReceivedAtMs(metric: string | undefined): number;
  track(metric: string): Track | undefined;
  /** What must be read from storage before rules look. */
  unrestored(): readonly TrackKey[];
  /** Something arrived, whether or not a rule looks at it. */
  touch(receivedAtMs: number): void;
}

export interface EvaluatedDeviceOptions {
  readonly id: string;
  readonly createdAtMs: number;
  readonly slots: readonly Slot[];
  /** The names of the metrics that it declares. */
  readonly metrics: readonly string[];
  /** What was remembered of it before its rules changed. */
  readonly before: EvaluatedDevice | undefined;
}

const NONE: readonly Slot[] = [];

/** Ties a device to the rules that look at it. */
export function createEvaluatedDevice(options: EvaluatedDeviceOptions): EvaluatedDevice {
  const { id, createdAtMs, before } = options;
  const slots = new Map(options.slots.map((slot) => [slot.entry.id, slot]));
  const byMetric = groupByMetric(options.slots, metricsOf);
  const absences = groupByMetric(options.slots, ({ compiled }) =>
    compiled.kind === 'absence' ? [compiled.absence.metric ?? ''] : [],
  );
  const any = absences.get('') ?? NONE;
  const tracks = openTracks(options, byMetric, absences);
  let touchedAtMs = before?.lastReceivedAtMs(undefined) ?? -Infinity;

  return {
    ...{ id, createdAtMs, slots },
    slotsOf: (metric) => byMetric.get(metric) ?? NONE,
    absencesOf(metric) {
      const own = absences.get(metric);
      if (!own) return any;
      return any.length === 0 ? own : [...own, ...any];
    },
    lastReceivedAtMs(metric) {
      if (metric !== undefined) return tracks.get(metric)?.lastReceivedAtMs ?? -Infinity;
      let last = touchedAtMs;
      for (const { lastReceivedAtMs } of tracks.values())
        if (lastReceivedAtMs > last) last = lastReceivedAtMs;
      return last;
    },
    track: (metric) => tracks.get(metric),
    unrestored: () =>
      [...tracks]
        .filter(([, { isRestored }]) => !isRestored)
        .map(([metric, { windowMs }]) => ({ deviceId: id, metric, windowMs })),
    touch(receivedAtMs) {
      if (receivedAtMs > touchedAtMs) touchedAtMs = receivedAtMs;
    },
    newest: (metric): Sample | undefined => tracks.get(metric)?.newest,
    newestUsable: (metric): Sample | undefined => tracks.get(metric)?.newestUsable,
    history: (metric) => tracks.get(metric)?.history ?? [],
  };
}

function metricsOf({ compiled }: RuleEntry): readonly string[] {
  return compiled.kind === 'readings' ? compiled.condition.metrics : [];
}

function groupByMetric(
  slots: readonly Slot[],
  metricsOfEntry: (entry: RuleEntry) => readonly string[],
): Map<string, Slot[]> {
  const grouped = new Map<string, Slot[]>();
  for (const slot of slots) {
    for (const metric of new Set(metricsOfEntry(slot.entry))) {
      const own = grouped.get(metric) ?? [];
      own.push(slot);
      grouped.set(metric, own);
    }
  }
  return grouped;
}

/** One track for each metric that a rule looks at or waits for; of a rule that waits for any, all metrics. */
function openTracks(
  { metrics, before }: EvaluatedDeviceOptions,
  byMetric: ReadonlyMap<string, readonly Slot[]>,
  absences: ReadonlyMap<string, readonly Slot[]>,
): ReadonlyMap<string, Track> {
  const named = [...absences.keys()].filter((metric) => metric !== '');
  const wanted = new Set([...byMetric.keys(), ...named, ...(absences.has('') ? metrics : [])]);
  return new Map(
    [...wanted].map((metric) => {
      const track = before?.track(metric) ?? new Track();
      const windows = (byMetric.get(metric) ?? []).map(({ entry: { compiled } }) =>
        compiled.kind === 'readings' ? compiled.condition.windowMs : 0,
      );
      track.widen(Math.max(0, ...windows));
      return [metric, track];
    }),
  );
}

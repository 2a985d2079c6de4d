import { z } from 'zod';

/** One number over several updates. */
export interface Summary {
  readonly count: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
}

/** As it is stored: how many, least, greatest, mean. */
const summary = z
  .tuple([z.int(), z.number().nullable(), z.number().nullable(), z.number().nullable()])
  .transform(([count, minimum, maximum, mean]): Summary | null =>
    minimum === null || maximum === null || mean === null ? null : { count, minimum, maximum, mean },
  );

export const METRIC_NAMES = [
  'phi',
  'coherence',
  'stability',
  'divergence',
  'level',
  'collectiveAwareness',
  'systemHealth',
] as const;

export type MetricName = (typeof METRIC_NAMES)[number];

/** The numbers at one update, or over one minute or hour. */
export type HistoryPoint = Readonly<Record<MetricName, Summary | null>> & {
  readonly at: Date;
  readonly count: number;
  /** Whether any of its updates was simulated; null when that was not kept. */
  readonly simulated: boolean | null;
};

/** A point as it is stored. */
export const historyPoint = z
  .object({
    at: z.date(),
    count: z.int(),
    simulated: z.boolean().nullable(),
    values: z.object({
      phi: summary,
      coherence: summary,
      stability: summary,
      divergence: summary,
      level: summary,
      collectiveAwareness: summary,
      systemHealth: summary,
    }),
  })
  .transform(({ at, count, simulated, values }): HistoryPoint => ({ at, count, simulated, ...values }));

/** Several summaries of one number as one; null when there is none. */
export function mergeSummaries(summaries: readonly (Summary | null)[]): Summary | null {
  const known = summaries.filter((one) => one !== null);
  const count = known.reduce((sum, one) => sum + one.count, 0);
  if (count === 0) return null;
  return {
    count,
    minimum: Math.min(...known.map(({ minimum }) => minimum)),
    maximum: Math.max(...known.map(({ maximum }) => maximum)),
    mean: known.reduce((sum, one) => sum + one.mean * one.count, 0) / count,
  };
}

/** Points, oldest first, as fewer ones that lie a whole multiple of some milliseconds after 1970. */
export function mergePoints(points: readonly HistoryPoint[], lengthMs: number): readonly HistoryPoint[] {
  const groups = new Map<number, HistoryPoint[]>();
  for (const point of points) {
    const startMs = Math.floor(point.at.getTime() / lengthMs) * lengthMs;
    groups.set(startMs, [...(groups.get(startMs) ?? []), point]);
  }
  return [...groups].map(([startMs, members]) => mergeGroup(new Date(startMs), members));
}

/** One simulated update makes the whole so; that none was is known only where it is of each. */
function mergeMarks(marks: readonly (boolean | null)[]): boolean | null {
  if (marks.includes(true)) return true;
  return marks.includes(null) ? null : false;
}

function mergeGroup(at: Date, members: readonly HistoryPoint[]): HistoryPoint {
  const merge = (name: MetricName) => mergeSummaries(members.map((point) => point[name]));
  return {
    at,
    count: members.reduce((sum, { count }) => sum + count, 0),
    simulated: mergeMarks(members.map(({ simulated }) => simulated)),
    phi: merge('phi'),
    coherence: merge('coherence'),
    stability: merge('stability'),
    divergence: merge('divergence'),
    level: merge('level'),
    collectiveAwareness: merge('collectiveAwareness'),
    systemHealth: merge('systemHealth'),
  };
}

/** A stretch of time whose rows lie in one partition. */
export interface Stretch {
  /** Milliseconds since 1970. */
  readonly fromMs: number;
  /** Itself outside. */
  readonly toMs: number;
}

/** A partition: its table and its stretch. */
export interface Partition extends Stretch {
  /** Name of its table, such as `readings_20260131`. */
  readonly table: string;
}

/** How finely a table is partitioned: rows that are late are kept in coarser partitions the older they are. */
export interface PartitionLayout {
  /** The finest grain. */
  readonly grain: Grain;
  /** For how many days back rows get partitions of the finest grain, however late they come. */
  readonly fineDays: number;
}

export type Grain = 'day' | 'month' | 'year';

const DAY_MS = 86_400_000;
const GRAINS: readonly Grain[] = ['day', 'month', 'year'];
/** For how many days back rows get partitions of months. */
const MONTH_DAYS = 400;

/**
 * The partition that a row of an instant belongs to when it has none: a day, month or year in UTC, the coarsest that its
 * age allows and that overlaps none which is there. So data that comes from far back makes some tens of partitions, not
 * thousands, and what had its own day keeps it.
 */
export function planPartition(
  parent: string,
  atMs: number,
  {
    layout,
    nowMs,
    existing,
  }: { readonly layout: PartitionLayout; readonly nowMs: number; readonly existing: readonly Stretch[] },
): Partition {
  const wanted = GRAINS.indexOf(grainOf(atMs, nowMs, layout));
  const finest = GRAINS.indexOf(layout.grain);
  for (let index = Math.max(wanted, finest); index > finest; index -= 1) {
    const partition = toPartition(parent, GRAINS[index] ?? layout.grain, atMs);
    if (!existing.some((other) => overlaps(partition, other))) return partition;
  }
  return toPartition(parent, layout.grain, atMs);
}

/**
 * Reads a partition's stretch from the name of its table; undefined when it is not one of ours.
 */
export function parsePartition(parent: string, table: string): Partition | undefined {
  const digits = table.startsWith(`${parent}_`) ? table.slice(parent.length + 1) : '';
  const groups = /^(?<year>\d{4})(?<month>\d{2})?(?<day>\d{2})?$/.exec(digits)?.groups;
  if (!groups) return undefined;
  const { year, month = '01', day = '01' } = groups;
  const grain = digits.length === 8 ? 'day' : digits.length === 6 ? 'month' : 'year';
  return toPartition(parent, grain, Date.UTC(Number(year), Number(month) - 1, Number(day)));
}

/** The grain that an instant's age allows. Each limit is the beginning of a coarser stretch, so that none is cut. */
function grainOf(atMs: number, nowMs: number, { fineDays }: PartitionLayout): Grain {
  const fineFrom = startOf('month', nowMs - fineDays * DAY_MS);
  if (atMs >= fineFrom) return 'day';
  const monthsFrom = startOf('year', nowMs - MONTH_DAYS * DAY_MS);
  return atMs >= Math.min(monthsFrom, fineFrom) ? 'month' : 'year';
}

function toPartition(parent: string, grain: Grain, atMs: number): Partition {
  const fromMs = startOf(grain, atMs);
  const length = { day: 8, month: 6, year: 4 }[grain];
  const digits = new Date(fromMs).toISOString().slice(0, 10).replaceAll('-', '').slice(0, length);
  return { table: `${parent}_${digits}`, fromMs, toMs: endOf(grain, fromMs) };
}

function startOf(grain: Grain, atMs: number): number {
  const at = new Date(atMs);
  if (grain === 'day') return Math.floor(atMs / DAY_MS) * DAY_MS;
  return Date.UTC(at.getUTCFullYear(), grain === 'month' ? at.getUTCMonth() : 0, 1);
}

function endOf(grain: Grain, fromMs: number): number {
  const from = new Date(fromMs);
  if (grain === 'day') return fromMs + DAY_MS;
  return grain === 'month'
    ? Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 1)
    : Date.UTC(from.getUTCFullYear() + 1, 0, 1);
}

function overlaps(one: Stretch, other: Stretch): boolean {
  return one.fromMs < other.toMs && other.fromMs < one.toMs;
}

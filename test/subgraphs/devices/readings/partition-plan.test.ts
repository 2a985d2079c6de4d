import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  parsePartition,
  planPartition,
  type Partition,
} from '../../../../subgraphs/devices/readings/partition-plan.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 20, 11);
const layout = { grain: 'day', fineDays: 35 } as const;

const plan = (at: string, existing: readonly Partition[] = []) =>
  planPartition('readings', Date.parse(at), { layout, nowMs: NOW_MS, existing }).table;

const partition = (table: string): Partition => {
  const parsed = parsePartition('readings', table);
  if (!parsed) throw new Error(`${table} is no partition`);
  return parsed;
};

describe('the plan of partitions', () => {
  it.each([
    ['2026-11-20T23:59:59.999Z', 'readings_20261120'],
    ['2026-11-21T00:00:00.000Z', 'readings_20261121'],
    ['2026-10-01T00:00:00Z', 'readings_20261001'],
    ['2026-09-30T23:59:59Z', 'readings_202609'],
    ['2025-01-01T00:00:00Z', 'readings_202501'],
    ['2024-12-31T23:59:59Z', 'readings_2024'],
    ['2000-01-01T00:00:00Z', 'readings_2000'],
  ])('keeps what was measured at %s in %s: coarser the longer ago it was', (at, table) => {
    expect(plan(at)).toBe(table);
  });

  it('leaves a day its own partition that had one while it was young, and gives its neighbours theirs', () => {
    expect(plan('2026-03-05T12:00:00Z', [partition('readings_20260304')])).toBe('readings_20260305');
    expect(plan('2026-03-05T12:00:00Z', [partition('readings_20260204')])).toBe('readings_202603');
    expect(plan('2024-03-05T12:00:00Z', [partition('readings_202404')])).toBe('readings_202403');
  });

  it('covers every instant once, with few partitions, whatever comes in whatever order', () => {
    const instants = fc.array(fc.integer({ min: Date.UTC(2000, 0, 1), max: NOW_MS + DAY_MS }), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(instants, fc.integer({ min: 0, max: 900 }), (atMs, laterDays) => {
        const existing: Partition[] = [];
        for (const [index, at] of atMs.entries()) {
          if (existing.some(({ fromMs, toMs }) => at >= fromMs && at < toMs)) continue;
          const nowMs = index % 2 === 0 ? NOW_MS : NOW_MS + laterDays * DAY_MS;
          const made = planPartition('readings', at, { layout, nowMs, existing });
          expect(at >= made.fromMs && at < made.toMs).toBe(true);
          expect(existing.some(({ fromMs, toMs }) => made.fromMs < toMs && fromMs < made.toMs)).toBe(false);
          expect(parsePartition('readings', made.table)).toEqual(made);
          existing.push(made);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('makes no partition of what is not one of ours', () => {
    expect(parsePartition('readings', 'readings_pkey')).toBeUndefined();
    expect(parsePartition('readings', 'reading_streams')).toBeUndefined();
    expect(parsePartition('readings', 'readings_2026112')).toBeUndefined();
  });
});

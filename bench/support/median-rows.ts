import type { Row } from './bench.js';
import { medianOf } from './percentiles.js';

/** One row out of those of several rounds: of each figure the median of the rounds that have it. */
export function medianRow(subject: string, rounds: readonly Row['figures'][]): Row {
  const names = [...new Set(rounds.flatMap((figures) => Object.keys(figures)))];
  const figures = names.map((name) => {
    const values = rounds.map((round) => round[name]).filter((value) => value !== undefined);
    return [name, values.length > 0 ? medianOf(values) : undefined] as const;
  });
  return { subject, figures: Object.fromEntries(figures) };
}

/** The same rows, each with how often a figure of it holds the one of another subject. */
export function withRatio(
  rows: readonly Row[],
  { figure, of, name }: { readonly figure: string; readonly of: number | undefined; readonly name: string },
): Row[] {
  return rows.map(({ subject, figures }) => {
    const value = figures[figure];
    const ratio = value === undefined || of === undefined ? undefined : value / of;
    return { subject, figures: { ...figures, [name]: ratio } };
  });
}

/** The median and the 99th percentile of durations, in their unit. */
export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** By the nearest rank: the smallest of the values that so many per cent of them do not exceed. */
export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: rank(0.5), p99: rank(0.99) };
}

/** The middle one of a few repetitions. */
export function medianOf(values: readonly number[]): number {
  return percentilesOf(values).p50;
}

/** How far a value lies from others. */
export interface RobustZ {
  /** In robust standard deviations; above 0 when it is greater than the median. */
  readonly z: number;
  readonly median: number;
  /** 1.4826 times the median absolute deviation: the standard deviation, were they normal. */
  readonly deviation: number;
}

/** Makes the median absolute deviation of normal values their standard deviation. */
const NORMAL_SCALE = 1.4826;

/**
 * How far a value lies from the median of others, in robust standard deviations: a few wild ones among them do not hide it.
 *
 * Shape: one value or more to compare with. `leastDeviation`, in the values' unit, stands in for a smaller one.
 * Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993), the modified z-score; Leys et al., J. Exp. Soc.
 * Psychol. 49 (2013) 764, for the scale.
 */
export function robustZ(value: number, others: readonly number[], leastDeviation: number): RobustZ {
  const median = medianOf(others);
  const spread = medianOf(others.map((other) => Math.abs(other - median)));
  const deviation = Math.max(leastDeviation, NORMAL_SCALE * spread);
  return { z: (value - median) / deviation, median, deviation };
}

/** The middle one, or the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

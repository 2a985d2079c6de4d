/** A straight line through samples. */
export interface Slope {
  /** In the unit of the values for each unit of time. */
  readonly slope: number;
  /** Of the slope, as if the samples did not depend on each other. */
  readonly standardError: number;
}

/**
 * The slope of the least squares, and its standard error.
 *
 * Shape: pairs of time and value in. Errors: none; not a number with fewer than three samples.
 * Source: ordinary least squares, s² = Σr² / (n − 2), se = s / √Σ(t − t̄)².
 */
export function fitSlope(samples: readonly (readonly [time: number, value: number])[]): Slope {
  const count = samples.length;
  if (count < 3) return { slope: Number.NaN, standardError: Number.NaN };
  const meanTime = samples.reduce((sum, [time]) => sum + time, 0) / count;
  const meanValue = samples.reduce((sum, [, value]) => sum + value, 0) / count;
  const spread = samples.reduce((sum, [time]) => sum + (time - meanTime) ** 2, 0);
  const shared = samples.reduce((sum, [time, value]) => sum + (time - meanTime) * (value - meanValue), 0);
  const slope = shared / spread;
  const residual = samples.reduce(
    (sum, [time, value]) => sum + (value - meanValue - slope * (time - meanTime)) ** 2,
    0,
  );
  return { slope, standardError: Math.sqrt(residual / (count - 2) / spread) };
}

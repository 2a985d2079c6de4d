/** A value at an instant, in milliseconds since 1970. */
export interface TimedValue {
  readonly at: number;
  readonly value: number | null;
}

/**
 * Puts a point without a value where points lie further apart than they should, so that no line is drawn across a time in
 * which nothing was measured.
 *
 * @param mostMs the largest distance of two points that belong together, in milliseconds.
 */
export function withGaps(points: readonly TimedValue[], mostMs: number): readonly TimedValue[] {
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    const isCut = before !== undefined && point.at - before.at > mostMs;
    return isCut ? [{ at: before.at + mostMs, value: null }, point] : [point];
  });
}

/** How far apart points usually are: the median distance, in milliseconds. */
export function usualDistance(points: readonly TimedValue[]): number {
  const distances = points
    .slice(1)
    .map(({ at }, index) => at - (points[index]?.at ?? at))
    .sort((a, b) => a - b);
  return distances[Math.floor(distances.length / 2)] ?? 0;
}

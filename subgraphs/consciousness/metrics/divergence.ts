/**
 * How differently members are distributed: the mean, over the members, of the Jensen–Shannon distance (base 2) of a
 * member's distribution from the pooled one, the mean of all of them. 0 when all are the same. Below 1 for any finite
 * number of members, since each is itself in the pool: N members that share no state come to
 * √(½ log₂(2N/(N+1)) + (log₂(2/(N+1)) + N − 1) / 2N), 0.558 for two, 0.894 for 13.
 *
 * What two members share depends on what their states are: of standardised signals (`distributeStates`) it is their shape,
 * whatever their level and their unit.
 *
 * Shape: one distribution for each member, at least one, all over the same bins; the entries of each sum to 1.
 * Source: Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991); Endres and Schindelin,
 * A new metric for probability distributions, IEEE Trans. Inf. Theory 49 (2003), that its root is a distance.
 */
export function computeDivergence(distributions: readonly Float64Array[]): number {
  const distances = computeDistances(distributions);
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
}

/** The Jensen–Shannon distance (base 2) of each member's distribution from the pooled one, in their order. */
export function computeDistances(distributions: readonly Float64Array[]): readonly number[] {
  const bins = distributions[0]?.length ?? 0;
  const pooled = Float64Array.from(
    { length: bins },
    (_, bin) => distributions.reduce((sum, one) => sum + (one[bin] ?? 0), 0) / distributions.length,
  );
  return distributions.map((one) => distanceOf(one, pooled));
}

/** The Jensen–Shannon distance of two distributions, base 2: 0 (the same) to 1 (nothing in common). */
function distanceOf(p: Float64Array, q: Float64Array): number {
  let divergence = 0;
  for (let bin = 0; bin < p.length; bin += 1) {
    const [a, b] = [p[bin] ?? 0, q[bin] ?? 0];
    const mean = (a + b) / 2;
    if (a > 0) divergence += (a * Math.log2(a / mean)) / 2;
    if (b > 0) divergence += (b * Math.log2(b / mean)) / 2;
  }
  // Rounding may leave a little less than 0 for equal distributions, and a little more than 1.
  return Math.sqrt(Math.min(1, Math.max(0, divergence)));
}

/** Bins of half a standard deviation between −3 and 3; the outermost take what lies beyond. */
const BINS = 12;
const EDGE = 3;

/**
 * The distribution of a standardised signal's states over 12 bins of half a standard deviation each, from −3 to 3; the two
 * outermost are open.
 *
 * Shape: N values in, at least one; 12 shares that sum to 1 out.
 */
export function distributeStates(values: Float64Array): Float64Array {
  const shares = new Float64Array(BINS);
  for (const value of values) {
    const bin = Math.floor(((value + EDGE) / (2 * EDGE)) * BINS);
    const within = Math.min(BINS - 1, Math.max(0, bin));
    shares[within] = (shares[within] ?? 0) + 1 / values.length;
  }
  return shares;
}

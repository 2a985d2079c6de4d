/**
 * How steady the order of a network is: S = 1 − 2σ(R), clipped to 0 … 1, with σ the standard deviation of the order
 * parameter over the window. A quantity between 0 and 1 deviates by ½ at most, so S is 1 for an order that does not change
 * and 0 for one that jumps between none and full.
 *
 * Shape: R(t) at one instant or more, each 0 to 1. Without units.
 * Source: Shanahan, Metastable chimera states in communities of coupled oscillators, Chaos 20 (2010) 013108: his
 * metastability is the variance of R; this is its root, scaled and turned round.
 */
export function computeStability(orders: Float64Array): number {
  const mean = orders.reduce((sum, order) => sum + order, 0) / orders.length;
  const variance = orders.reduce((sum, order) => sum + (order - mean) ** 2, 0) / orders.length;
  return Math.max(0, 1 - 2 * Math.sqrt(variance));
}

import type { AlignedInput, Estimate } from './fusion-step.js';

/**
 * Fuses independent, unbiased measurements of one quantity by weighting each with the inverse of its variance, which
 * gives the unbiased linear estimate of the smallest variance: x = Σ(xᵢ/σᵢ²) / Σ(1/σᵢ²), σ² = 1 / Σ(1/σᵢ²).
 *
 * Shape: n inputs in, one estimate out; none of them is refused, and without any there is no value. Units: value in the
 * inputs' unit, variance in unit².
 * Source: Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and Navigation (2001), §3.4 (weighted
 * least squares).
 */
export function fuseByInverseVariance(inputs: readonly AlignedInput[]): Estimate {
  if (inputs.length === 0) return { value: null, variance: null, used: [], refused: [] };
  const values = inputs.map(({ value }) => value);
  // Relative to the smallest variance, weights neither overflow nor vanish together.
  const smallest = Math.min(...inputs.map(({ variance }) => variance));
  const weights = inputs.map(({ variance }) => smallest / variance);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = values.reduce((sum, value, index) => sum + value * ((weights[index] ?? 0) / total), 0);
  // A weighted mean lies among its inputs; rounding may lead outside, and equal inputs give exactly their value.
  const value = Math.min(Math.max(mean, Math.min(...values)), Math.max(...values));
  return { value, variance: smallest / total, used: inputs, refused: [] };
}

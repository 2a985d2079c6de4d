import type { AlignedInput, FuseInstant } from './fusion-step.js';

/** Makes the median absolute deviation of normally distributed values estimate their standard deviation: 1/Φ⁻¹(¾). */
const MAD_TO_SIGMA = 1.4826;

/**
 * Makes a fusion by the median of what is no outlier. An input is an outlier when it lies further from the median of all
 * than `threshold` · 1.4826 · MAD, where MAD is the median of the distances from that median. Where more than half are
 * equal, MAD is 0 and whatever differs is one.
 *
 * Shape: n inputs in, one estimate out; outliers are refused, and without inputs there is no value. Units: value in the
 * inputs' unit, variance in unit², `threshold` in standard deviations, at least 1. Variance: of the mean for one or two inputs; for
 * more (π·n/2) / (Σ 1/σᵢ)², the asymptotic variance of the median of independent normal measurements, which is a little
 * too large for few.
 * Source: Leys, Ley, Klein, Bernard, Licata, Detecting outliers: do not use standard deviation around the mean, use
 * absolute deviation around the median, J. Exp. Soc. Psychol. 49 (2013), after Hampel (1974); variance: Serfling,
 * Approximation Theorems of Mathematical Statistics (1980), §2.3.
 */
export function createMedian({ threshold }: { readonly threshold: number }): FuseInstant {
  return (inputs) => {
    if (inputs.length === 0) return { value: null, variance: null, used: [], refused: [] };
    const centre = median(inputs.map(({ value }) => value));
    const deviation = median(inputs.map(({ value }) => Math.abs(value - centre)));
    const reach = threshold * MAD_TO_SIGMA * deviation;
    const isUsed = ({ value }: AlignedInput) => Math.abs(value - centre) <= reach;
    const used = inputs.filter(isUsed);
    const refused = inputs
      .filter((input) => !isUsed(input))
      .map(({ deviceId, value }) => ({ deviceId, value, reason: 'OUTLIER' as const }));
    return { value: median(used.map(({ value }) => value)), variance: varianceOf(used), used, refused };
  };
}

/** The middle of at least one value, or the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >>> 1] ?? NaN;
  const lower = sorted[(sorted.length - 1) >>> 1] ?? NaN;
  return lower === upper ? lower : lower / 2 + upper / 2;
}

function varianceOf(used: readonly AlignedInput[]): number {
  const count = used.length;
  if (count <= 2) return used.reduce((sum, { variance }) => sum + variance, 0) / count ** 2;
  const inverseDeviations = used.reduce((sum, { variance }) => sum + 1 / Math.sqrt(variance), 0);
  return (Math.PI * count) / 2 / inverseDeviations ** 2;
}

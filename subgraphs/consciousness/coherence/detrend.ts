/**
 * A signal without its straight line of least squares, divided by its largest absolute value, so that neither its unit
 * nor its size matters afterwards. The sums run on numbers between -1 and 1, so no value that a double holds overflows.
 *
 * Shape: N values in, N values out; at least two. Units: any in, none out.
 */
export function detrend(values: Float64Array): Float64Array {
  const { length } = values;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0) return new Float64Array(length);
  const scaled = values.map((value) => value / largest);
  const mean = scaled.reduce((sum, value) => sum + value, 0) / length;
  const middle = (length - 1) / 2;
  // Σ (t − middle)² over t = 0 … N−1.
  const spread = (length * (length * length - 1)) / 12;
  const slope = scaled.reduce((sum, value, t) => sum + (t - middle) * (value - mean), 0) / spread;
  return scaled.map((value, t) => value - mean - slope * (t - middle));
}

import type { FourierTransform } from './fourier-transform.js';

/** A complex signal: what was measured is its real part, what a quarter period later would be its imaginary part. */
export interface AnalyticSignal {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/**
 * The analytic signal of a real one: its spectrum without the negative frequencies, so that its angle is the signal's
 * phase and its length the envelope.
 *
 * The window is taken as one period of a periodic signal, so a signal that does not end as it began is wrong near both
 * ends; a caller leaves those out.
 *
 * Shape: N values in, N complex values out, where N is the transform's length.
 * Source: Gabor, Theory of communication, J. IEE 93 (1946); Marple, Computing the discrete-time "analytic" signal via
 * FFT, IEEE Trans. Signal Process. 47 (1999), §III.
 */
export function createAnalyticSignal(values: Float64Array, fourier: FourierTransform): AnalyticSignal {
  const { length } = fourier;
  const real = Float64Array.from(values);
  const imaginary = new Float64Array(length);
  fourier.transform(real, imaginary);
  for (let k = 0; k < length; k += 1) {
    const weight = weightOf(k, length) / length;
    real[k] = (real[k] ?? 0) * weight;
    imaginary[k] = (imaginary[k] ?? 0) * weight;
  }
  fourier.transform(imaginary, real);
  return { real, imaginary };
}

/** 1 for the constant part and the highest frequency, which are their own mirror images; 2 for positive frequencies. */
function weightOf(k: number, length: number): number {
  if (k === 0 || 2 * k === length) return 1;
  return 2 * k < length ? 2 : 0;
}

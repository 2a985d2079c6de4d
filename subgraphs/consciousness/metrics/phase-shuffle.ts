import { createFourierTransform } from '../coherence/fourier-transform.js';

/** Makes surrogates of one signal. */
export interface PhaseShuffler {
  /** Another signal with the same power at each frequency, and so the same autocorrelation, with phases drawn anew. */
  shuffle(random: () => number): Float64Array;
}

/**
 * Prepares phase-shuffled surrogates of a signal: what it would be if only its spectrum were its own. Surrogates of several
 * signals, each shuffled for itself, are what the signals would be if they had nothing to do with each other.
 *
 * Shape: N values in, N values out; mean and variance stay as they are. `random` gives numbers from 0 to 1.
 * Source: Theiler, Eubank, Longtin, Galdrikian, Farmer, Testing for nonlinearity in time series: the method of surrogate
 * data, Physica D 58 (1992), §2.4.1.
 */
export function createPhaseShuffler(values: Float64Array): PhaseShuffler {
  const { length } = values;
  const fourier = createFourierTransform(length);
  const spectrum = { real: Float64Array.from(values), imaginary: new Float64Array(length) };
  fourier.transform(spectrum.real, spectrum.imaginary);
  const amplitudes = spectrum.real.map((real, k) => Math.hypot(real, spectrum.imaginary[k] ?? 0) / length);
  return {
    shuffle(random) {
      const real = new Float64Array(length);
      const imaginary = new Float64Array(length);
      // The constant part, and the highest frequency of an even length, have no phase: they stay real.
      real[0] = (spectrum.real[0] ?? 0) / length;
      if (length % 2 === 0) real[length / 2] = (spectrum.real[length / 2] ?? 0) / length;
      for (let k = 1; 2 * k < length; k += 1) {
        const phase = 2 * Math.PI * random();
        const amplitude = amplitudes[k] ?? 0;
        real[k] = amplitude * Math.cos(phase);
        imaginary[k] = amplitude * Math.sin(phase);
        // The spectrum of a real signal is its own mirror image, conjugated.
        real[length - k] = real[k] ?? 0;
        imaginary[length - k] = -(imaginary[k] ?? 0);
      }
      fourier.transform(imaginary, real);
      return real;
    },
  };
}

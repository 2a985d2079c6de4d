/** The discrete Fourier transform of complex sequences of one length. */
export interface FourierTransform {
  readonly length: number;
  /**
   * Replaces a sequence by X[k] = Σ x[n] e^{−2πikn/N}, in place.
   *
   * Shape: two arrays of `length`, the real and the imaginary parts. With the two swapped on the way in it is the inverse
   * transform times N, its parts swapped likewise.
   */
  transform(real: Float64Array, imaginary: Float64Array): void;
}

/**
 * Prepares the transform for one length, any whole number from 1: O(N log N) for each.
 *
 * Source: Cooley and Tukey, An algorithm for the machine calculation of complex Fourier series, Math. Comp. 19 (1965), for
 * powers of two; Bluestein, A linear filtering approach to the computation of the discrete Fourier transform, IEEE Trans.
 * Audio Electroacoust. 18 (1970), for every other length.
 */
export function createFourierTransform(length: number): FourierTransform {
  const isPowerOfTwo = (length & (length - 1)) === 0;
  return isPowerOfTwo ? createRadixTwo(length) : createBluestein(length);
}

/** Element access for indexes that the loops below keep inside their arrays. */
function at(values: Float64Array, index: number): number {
  return values[index] ?? 0;
}

function createRadixTwo(length: number): FourierTransform {
  const cosines = Float64Array.from({ length: length / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / length));
  const sines = Float64Array.from({ length: length / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / length));
  const swaps = bitReversals(length);

  /** Combines the transforms of two halves of `span` elements, for every pair of halves. */
  function combine(real: Float64Array, imaginary: Float64Array, span: number): void {
    const stride = length / (2 * span);
    for (let k = 0; k < span; k += 1) {
      const c = at(cosines, k * stride);
      const s = at(sines, k * stride);
      for (let even = k; even < length; even += 2 * span) {
        const odd = even + span;
        const re = at(real, odd) * c - at(imaginary, odd) * s;
        const im = at(real, odd) * s + at(imaginary, odd) * c;
        real[odd] = at(real, even) - re;
        imaginary[odd] = at(imaginary, even) - im;
        real[even] = at(real, even) + re;
        imaginary[even] = at(imaginary, even) + im;
      }
    }
  }

  return {
    length,
    transform(real, imaginary) {
      for (const [a, b] of swaps) {
        [real[a], real[b]] = [at(real, b), at(real, a)];
        [imaginary[a], imaginary[b]] = [at(imaginary, b), at(imaginary, a)];
      }
      for (let span = 1; span < length; span *= 2) combine(real, imaginary, span);
    },
  };
}

/** The pairs of places that trade their elements when each index is replaced by its bits read backwards. */
function bitReversals(length: number): (readonly [number, number])[] {
  const bits = Math.log2(length);
  const pairs: [number, number][] = [];
  for (let index = 0; index < length; index += 1) {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit += 1) if (index & (1 << bit)) reversed |= 1 << (bits - 1 - bit);
    if (index < reversed) pairs.push([index, reversed]);
  }
  return pairs;
}

/** With kn = (k² + n² − (k − n)²) / 2 the transform is a convolution with a chirp, for which powers of two will do. */
function createBluestein(length: number): FourierTransform {
  const padded = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const inner = createRadixTwo(padded);
  // n² is reduced modulo 2N first: the angle of a large n² would lose its last digits.
  const angle = (n: number) => (Math.PI * ((n * n) % (2 * length))) / length;
  const chirpReal = Float64Array.from({ length }, (_, n) => Math.cos(angle(n)));
  const chirpImaginary = Float64Array.from({ length }, (_, n) => -Math.sin(angle(n)));
  const kernelReal = new Float64Array(padded);
  const kernelImaginary = new Float64Array(padded);
  for (let n = 0; n < length; n += 1) {
    for (const place of [n, (padded - n) % padded]) {
      kernelReal[place] = at(chirpReal, n);
      kernelImaginary[place] = -at(chirpImaginary, n);
    }
  }
  inner.transform(kernelReal, kernelImaginary);
  const workReal = new Float64Array(padded);
  const workImaginary = new Float64Array(padded);

  return {
    length,
    transform(real, imaginary) {
      workReal.fill(0);
      workImaginary.fill(0);
      workReal.set(real);
      workImaginary.set(imaginary);
      multiply(workReal, workImaginary, { real: chirpReal, imaginary: chirpImaginary });
      inner.transform(workReal, workImaginary);
      multiply(workReal, workImaginary, { real: kernelReal, imaginary: kernelImaginary });
      inner.transform(workImaginary, workReal);
      multiply(workReal, workImaginary, { real: chirpReal, imaginary: chirpImaginary });
      for (let k = 0; k < length; k += 1) {
        real[k] = at(workReal, k) / padded;
        imaginary[k] = at(workImaginary, k) / padded;
      }
    },
  };
}

interface Factor {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** Multiplies the first elements of a complex sequence by the elements of a factor, in place. */
function multiply(real: Float64Array, imaginary: Float64Array, factor: Factor): void {
  for (let n = 0; n < factor.real.length; n += 1) {
    const re = at(real, n) * at(factor.real, n) - at(imaginary, n) * at(factor.imaginary, n);
    imaginary[n] = at(real, n) * at(factor.imaginary, n) + at(imaginary, n) * at(factor.real, n);
    real[n] = re;
  }
}

import { createPhaseShuffler, type PhaseShuffler } from './phase-shuffle.js';
import { standardise } from './standardise.js';

/**
 * Prepares surrogates of a signal that is held between its values, as one that brings a value less often than it is sampled:
 * the sequence of its values is phase-shuffled, and each is held again from the same instant for the same time. What is kept
 * is the clock. Signals held by one clock jump in the same instants, and that alone makes them tell something of each other;
 * surrogates that jump in other instants would not, and what the clock does would pass for integration.
 *
 * The straight line of the values is taken out before they are shuffled and put back after, so that a rising signal has the
 * same stairs. What comes out is standardised, as the signal that is measured. A value that came anew but the same as before
 * is not told from a held one: it is then kept to its place more than need be, which errs to the careful side.
 *
 * Shape: the values as they were sampled, not detrended (a held value is the same number again); N in, N out. Undefined when no
 * value is held: such a signal is shuffled as it is.
 * Source: constrained realisations, Theiler and Prichard, Constrained-realization Monte-Carlo method for hypothesis testing,
 * Physica D 94 (1996); Schreiber and Schmitz, Surrogate time series, Physica D 142 (2000), §2 and §5: surrogates share with the
 * signal all that the null hypothesis leaves open, its unequal sampling among it.
 */
export function createHeldShuffler(values: Float64Array): PhaseShuffler | undefined {
  const arrivals = findArrivals(values);
  if (arrivals.length === values.length) return undefined;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const told = Float64Array.from(arrivals, (tick) => (values[tick] ?? 0) / (largest || 1));
  const line = fitLine(arrivals, told);
  const { shuffle } = createPhaseShuffler(told.map((value, k) => value - (line[k] ?? 0)));
  return {
    shuffle(random) {
      const shuffled = shuffle(random).map((value, k) => value + (line[k] ?? 0));
      const held = hold(shuffled, arrivals, values.length);
      return standardise(held) ?? held;
    },
  };
}

/** The ticks at which a signal shows another value than before; the first one among them. */
export function findArrivals(values: Float64Array): Int32Array {
  const ticks: number[] = [];
  for (let tick = 0; tick < values.length; tick += 1) {
    if (tick === 0 || values[tick] !== values[tick - 1]) ticks.push(tick);
  }
  return Int32Array.from(ticks);
}

function hold(values: Float64Array, arrivals: Int32Array, length: number): Float64Array {
  const held = new Float64Array(length);
  for (const [k, tick] of arrivals.entries()) held.fill(values[k] ?? 0, tick, arrivals[k + 1] ?? length);
  return held;
}

/** The straight line of least squares through values at their ticks. */
function fitLine(ticks: Int32Array, values: Float64Array): Float64Array {
  const meanOf = (numbers: Int32Array | Float64Array) => {
    let sum = 0;
    for (const number of numbers) sum += number;
    return sum / numbers.length;
  };
  const [middle, mean] = [meanOf(ticks), meanOf(values)];
  let [product, spread] = [0, 0];
  for (const [k, tick] of ticks.entries()) {
    product += (tick - middle) * ((values[k] ?? 0) - mean);
    spread += (tick - middle) ** 2;
  }
  const slope = spread > 0 ? product / spread : 0;
  return Float64Array.from(ticks, (tick) => mean + slope * (tick - middle));
}

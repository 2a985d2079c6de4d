/** A signal by its formula, at t = 0, 1, 2 … */
export function wave(length: number, formula: (t: number) => number): Float64Array {
  return Float64Array.from({ length }, (_, t) => formula(t));
}

/** The difference of two angles, above −π to π. */
export function angleBetween(a: number, b: number): number {
  return Math.atan2(Math.sin(a - b), Math.cos(a - b));
}

/** A generator of numbers evenly spread over 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed noise of mean 0 and deviation 1 (Box and Muller). */
export function noise(length: number, random: () => number): Float64Array {
  return wave(length, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
}

export interface SlidingWindowOptions {
  /** The most samples held; older ones are forgotten. */
  readonly capacity: number;
  /** The most ticks in a row that may be missing; the value before them then stands for them. */
  readonly longestHold: number;
}

/**
 * The newest values of one signal at equally spaced instants, without holes: where a few ticks are missing, the value
 * before them is held, as it is between two readings; where more are, the window begins anew.
 */
export class SlidingWindow {
  readonly #ring: Float64Array;
  readonly #longestHold: number;
  #length = 0;
  #lastTick = -Infinity;

  constructor({ capacity, longestHold }: SlidingWindowOptions) {
    this.#ring = new Float64Array(capacity);
    this.#longestHold = longestHold;
  }

  /**
   * Adds the value of an instant. A tick that is not after the last one changes nothing.
   *
   * @param tick the number of the instant: one more for each sample period.
   */
  push(tick: number, value: number): void {
    if (tick <= this.#lastTick) return;
    const missing = tick - this.#lastTick - 1;
    if (missing > this.#longestHold) {
      this.#length = 0;
    } else {
      const held = this.#at(this.#lastTick);
      for (let hole = this.#lastTick + 1; hole < tick; hole += 1) this.#put(hole, held);
    }
    this.#put(tick, value);
    this.#lastTick = tick;
  }

  /** The values, oldest first, the last of them at the last tick. */
  toArray(): Float64Array {
    return Float64Array.from({ length: this.#length }, (_, place) =>
      this.#at(this.#lastTick - this.#length + 1 + place),
    );
  }

  #put(tick: number, value: number): void {
    this.#ring[tick % this.#ring.length] = value;
    this.#length = Math.min(this.#length + 1, this.#ring.length);
  }

  #at(tick: number): number {
    return this.#ring[tick % this.#ring.length] ?? 0;
  }
}

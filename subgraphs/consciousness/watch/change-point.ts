/** That a series has gone over to another level. */
export interface ChangePoint {
  readonly direction: 'UP' | 'DOWN';
  /** How far the sum has come, in deviations. */
  readonly sum: number;
}

export interface ChangePointOptions {
  /** Half of the shift that is looked for, in deviations: what lies within it adds nothing. */
  readonly slack: number;
  /** How far a sum must come, in deviations. */
  readonly limit: number;
}

/**
 * Page's cumulative sums in both directions: S⁺ ← max(0, S⁺ + z − k) and S⁻ ← max(0, S⁻ − z − k); a change is told when one
 * passes h, and the sums begin anew. With k = ½ and h = 5 a shift by one deviation is told after about ten values, and a false
 * one about once in 465 independent normal values; with k = 1 and h = 5, once in some hundred thousand.
 *
 * Source: Page, Continuous inspection schemes, Biometrika 41 (1954); run lengths: Siegmund, Sequential Analysis (1985), §2.6.
 */
export class ChangeDetector {
  readonly #options: ChangePointOptions;
  #up = 0;
  #down = 0;

  constructor(options: ChangePointOptions) {
    this.#options = options;
  }

  /** Takes the next value, in deviations from the level so far; tells a change when this completes one. */
  push(z: number): ChangePoint | undefined {
    const { slack, limit } = this.#options;
    this.#up = Math.max(0, this.#up + z - slack);
    this.#down = Math.max(0, this.#down - z - slack);
    const sum = Math.max(this.#up, this.#down);
    if (sum <= limit) return undefined;
    const direction = this.#up > this.#down ? 'UP' : 'DOWN';
    this.#up = 0;
    this.#down = 0;
    return { direction, sum };
  }
}

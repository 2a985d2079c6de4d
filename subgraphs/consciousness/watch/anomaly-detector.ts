import { ChangeDetector } from './change-point.js';
import { robustZ } from './robust-z.js';

/** Something out of the ordinary in one number. */
export interface Anomaly {
  readonly kind: 'OUTLIER' | 'CHANGE_POINT';
  readonly value: number;
  readonly median: number;
  readonly deviation: number;
  /** In robust deviations. */
  readonly z: number;
  readonly direction: 'UP' | 'DOWN';
}

/** How many values the level and its deviation are taken from. */
const BASELINE = 64;
/** Fewer tell nothing yet. */
const FEWEST = 16;
/**
 * Beyond this, a single value is out of the ordinary. The numbers are skewed, and the deviation is estimated: in simulation, of
 * independent values of a skewed share (the root of the greater of two uniform ones) it is passed by about one in 50,000, of normal
 * ones by none in 60,000, of Student’s t with five degrees of freedom by one in 2,000.
 */
const OUTLIER_Z = 8;
/** The numbers lie between 0 and 1, or are bits: what differs by less than this is the same. */
const LEAST_DEVIATION = 0.01;
/** In the same simulation a shift is told wrongly about once in 20,000 skewed values, and in no 60,000 normal ones. */
const CHANGE = { slack: 1.25, limit: 10 };

/**
 * Watches one number for single values that stand out (robust z by the median absolute deviation) and for a level that has
 * shifted (Page's cumulative sums of the same z). After a shift the new level is learnt anew.
 *
 * Give it values that share no data: those of windows that overlap are nearly the same, and every trend in them looks like news.
 * Source: each test's own file.
 */
export class AnomalyDetector {
  #baseline: number[] = [];
  #change = new ChangeDetector(CHANGE);

  /** Takes the next value; tells what is out of the ordinary about it, if anything. */
  push(value: number): Anomaly | undefined {
    if (this.#baseline.length < FEWEST) {
      this.#learn(value);
      return undefined;
    }
    const { z, median, deviation } = robustZ(value, this.#baseline, LEAST_DEVIATION);
    // One wild value alone is no shift.
    const change = this.#change.push(Math.max(-4, Math.min(4, z)));
    const told = { value, median, deviation, z };
    if (change) {
      this.#baseline = [value];
      return { kind: 'CHANGE_POINT', ...told, direction: change.direction };
    }
    this.#learn(value);
    if (Math.abs(z) <= OUTLIER_Z) return undefined;
    return { kind: 'OUTLIER', ...told, direction: z > 0 ? 'UP' : 'DOWN' };
  }

  #learn(value: number): void {
    this.#baseline = [...this.#baseline, value].slice(-BASELINE);
  }
}

/** How often a network is sampled. */
export interface SamplingPace {
  /** Milliseconds from one sample to the next, now. */
  periodMs(): number;
  /**
   * Chooses anew; whether that changed it.
   *
   * @param quickestMs how far apart the values of the quickest signal are, in milliseconds
   */
  adjust(quickestMs: number): boolean;
}

export interface SamplingPaceOptions {
  readonly samplePeriodMs: number;
  readonly fastPeriodMs: number;
}

/** It goes over to the fast pace when values come more than twice as often as samples are taken, and back when they do not. */
const FAST_SHARE = 0.5;
const SLOW_SHARE = 0.75;

/**
 * A network is sampled once a second as long as none of its signals brings values much more often, and ten times a second as
 * soon as one does. Sampled faster than it changes, a signal would be its own past most of the time: the window would hold
 * each value ten times over, a tenth of the time, and tell as little as so few values do, with ten times the rows.
 */
export function createSamplingPace({ samplePeriodMs, fastPeriodMs }: SamplingPaceOptions): SamplingPace {
  let isFast = false;
  return {
    periodMs: () => (isFast ? Math.min(fastPeriodMs, samplePeriodMs) : samplePeriodMs),
    adjust(quickestMs) {
      const before = isFast;
      isFast = quickestMs <= (isFast ? SLOW_SHARE : FAST_SHARE) * samplePeriodMs;
      return before !== isFast && fastPeriodMs < samplePeriodMs;
    },
  };
}

/** What is known of one device's clock. */
export interface ClockEstimate {
  /** When the present block began, in milliseconds since 1970. */
  blockBeganMs: number;
  /** The least of arrival − device time in the present block, in milliseconds. */
  blockLeastMs: number;
  /** The least of each of the last blocks, oldest first. */
  readonly leasts: number[];
}

const BLOCK_MS = 60_000;
/** How many blocks count; half of them may be wrong. */
const BLOCKS = 5;

/**
 * Takes one message into a device's estimate: by how much its newest value was measured before it arrived, by the two
 * clocks. That is the delay of the way less what the device's clock is ahead.
 *
 * Delays only add, so the least of a stretch of time is the nearest to the clock's own part (the clock filter of NTP,
 * RFC 5905 §10, picks the sample of least delay for the same reason); values that were kept back for hours count for
 * nothing beside one that came at once. A single wrong stamp would be the least for ever: so the least is taken of blocks
 * of a minute, and the median of the last five blocks is told (Rousseeuw, Leroy: Robust Regression and Outlier Detection,
 * 1987, §1.1: a median stands up to half of its input being wrong). What comes back is never less than the delay of the
 * fastest message: one-way times alone cannot tell that part from the clock.
 */
export function observeClock(
  estimate: ClockEstimate | undefined,
  { arrivedAtMs, measuredAtMs }: { readonly arrivedAtMs: number; readonly measuredAtMs: number },
): ClockEstimate {
  const behindMs = arrivedAtMs - measuredAtMs;
  if (!estimate) return { blockBeganMs: arrivedAtMs, blockLeastMs: behindMs, leasts: [] };
  if (arrivedAtMs - estimate.blockBeganMs < BLOCK_MS) {
    if (behindMs < estimate.blockLeastMs) estimate.blockLeastMs = behindMs;
    return estimate;
  }
  estimate.leasts.push(estimate.blockLeastMs);
  if (estimate.leasts.length >= BLOCKS) estimate.leasts.shift();
  estimate.blockBeganMs = arrivedAtMs;
  estimate.blockLeastMs = behindMs;
  return estimate;
}

/** How far the device's clock is ahead of ours, in milliseconds; negative when it is behind. */
export function skewOf({ leasts, blockLeastMs }: ClockEstimate): number {
  const sorted = [...leasts, blockLeastMs].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  // Not -0.
  return 0 - median;
}

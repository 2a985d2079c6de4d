/** Tells the instant of an arrival, in microseconds since 1970-01-01T00:00Z. */
export type ArrivalClock = () => number;

/**
 * How far the clock may be ahead of the wall clock, in microseconds. It gets ahead when more than a million readings come
 * in a second, and when the wall clock is set back.
 */
const MAX_AHEAD_US = 5_000_000;

/**
 * Makes a clock that tells each instant later than the one before, so that two readings that bring no time of their own
 * never share one. Only where the wall clock is set back by more than five seconds does it follow it: else everything that
 * arrives would bear the time of before, until the wall clock had caught up.
 *
 * @param nowMs the wall clock in milliseconds, with a fraction where it has one: two processes that take readings of one
 * device in the same millisecond then tell different instants.
 */
export function createArrivalClock(nowMs: () => number = wallClockMs): ArrivalClock {
  let last = 0;
  return () => {
    const now = Math.floor(nowMs() * 1_000);
    last = now < last - MAX_AHEAD_US ? now : Math.max(now, last + 1);
    return last;
  };
}

function wallClockMs(): number {
  return Date.now() + (performance.now() % 1);
}

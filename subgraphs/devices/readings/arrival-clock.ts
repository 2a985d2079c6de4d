/** Tells the instant of an arrival, in microseconds since 1970-01-01T00:00Z; each one later than the one before. */
export type ArrivalClock = () => number;

/**
 * Makes a clock that never tells the same instant twice, so that two readings that bring no time of their own never
 * share one and the later is not taken for a repetition.
 *
 * @param nowMs the wall clock in milliseconds, with a fraction where it has one: two processes that take readings of one
 * device in the same millisecond then tell different instants.
 */
export function createArrivalClock(nowMs: () => number = wallClockMs): ArrivalClock {
  let last = 0;
  return () => {
    last = Math.max(Math.floor(nowMs() * 1_000), last + 1);
    return last;
  };
}

function wallClockMs(): number {
  return Date.now() + (performance.now() % 1);
}

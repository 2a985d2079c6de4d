import { RollingCount } from './rolling-count.js';

/** Decides how many requests to a subgraph may be repeated. */
export interface RetryBudget {
  /** Notes a request that is no repetition: a share of these may be repeated. */
  deposit(): void;
  /** Takes leave for one repetition; false when there is none. */
  withdraw(): boolean;
}

export interface RetryBudgetOptions {
  /** How many repetitions there may be for each hundred requests. */
  readonly percent: number;
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number;
}

const WINDOW_MS = 10_000;
/** Repetitions in a window that are allowed however few requests there are. */
const RESERVE = 10;

/**
 * Makes a budget over the last ten seconds, so that repeating multiplies the load of a subgraph that is down by little more
 * than one: each layer of a system that tries three times makes it three times as much.
 *
 * Source: Finagle, RetryBudget (credits live for ten seconds, a fifth of the requests may be repeated, above a reserve);
 * Beyer, Jones, Petoff, Murphy, Site Reliability Engineering (2016), chapter 21, "Handling Overload", on retry budgets.
 */
export function createRetryBudget({ percent, now }: RetryBudgetOptions): RetryBudget {
  const requests = new RollingCount(WINDOW_MS, now);
  const repetitions = new RollingCount(WINDOW_MS, now);
  return {
    deposit() {
      requests.add();
    },
    withdraw() {
      if (percent === 0) return false;
      if (repetitions.total >= RESERVE + (requests.total * percent) / 100) return false;
      repetitions.add();
      return true;
    },
  };
}

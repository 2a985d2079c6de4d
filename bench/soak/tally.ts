import { percentilesOf } from '../support/percentiles.js';

/** What became of what the clients sent. */
export interface Tally {
  /** @param kind what was sent. @param outcome what came of it. */
  count(kind: string, outcome: string): void;
  /** The time of one operation from the request to the whole answer, in milliseconds. */
  time(kind: string, ms: number): void;
  /** Nothing came within the deadline, or the connection broke before. */
  miss(kind: string, reason: string): void;
  readonly outcomes: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly misses: readonly string[];
  /** The 99th percentile of each kind. */
  p99s(): ReadonlyMap<string, number>;
}

/** How many times of each kind are kept: the newest, in turn over the oldest. */
const KEPT_TIMES = 50_000;

export function createTally(): Tally {
  const outcomes = new Map<string, Map<string, number>>();
  const times = new Map<string, { readonly kept: number[]; seen: number }>();
  const misses: string[] = [];

  function count(kind: string, outcome: string): void {
    const ofKind = outcomes.get(kind) ?? new Map<string, number>();
    ofKind.set(outcome, (ofKind.get(outcome) ?? 0) + 1);
    outcomes.set(kind, ofKind);
  }

  return {
    count,
    time(kind, ms) {
      const ofKind = times.get(kind) ?? { kept: [], seen: 0 };
      ofKind.kept[ofKind.seen % KEPT_TIMES] = ms;
      ofKind.seen += 1;
      times.set(kind, ofKind);
    },
    miss(kind, reason) {
      count(kind, 'NO ANSWER');
      misses.push(`${new Date().toISOString()} ${kind}: ${reason}`);
    },
    outcomes,
    misses,
    p99s: () => new Map([...times].map(([kind, { kept }]) => [kind, percentilesOf(kept).p99])),
  };
}

import { instantOf, isUsable, type Sample } from '../conditions/condition.js';

/** The most readings that are kept of a window: the others are nearer to them than a 500th of it. */
const MAX_HISTORY = 500;

/** What is remembered of one metric of one device, for the rules that look at it. */
export class Track {
  #restored = false;
  #windowMs = 0;
  #newest: Sample | undefined;
  #newestUsable: Sample | undefined;
  #history: Sample[] = [];
  #lastReceivedAtMs = -Infinity;

  /** Whether what was stored before is in it. */
  get isRestored(): boolean {
    return this.#restored;
  }

  get newest(): Sample | undefined {
    return this.#newest;
  }

  get newestUsable(): Sample | undefined {
    return this.#newestUsable;
  }

  get history(): readonly Sample[] {
    return this.#history;
  }

  get windowMs(): number {
    return this.#windowMs;
  }

  /** When a reading of it arrived last, in milliseconds since 1970. */
  get lastReceivedAtMs(): number {
    return this.#lastReceivedAtMs;
  }

  /** Makes its history reach further back: then it must be restored again. */
  widen(windowMs: number): void {
    if (windowMs <= this.#windowMs) return;
    this.#windowMs = windowMs;
    this.#restored = false;
  }

  /** Puts what is stored in the place of what it remembers. */
  restore(samples: readonly Sample[]): void {
    this.#newest = undefined;
    this.#newestUsable = undefined;
    this.#history = [];
    for (const sample of [...samples].sort(compareSamples)) this.add(sample);
    this.#restored = true;
  }

  /** Adds a reading; false for one that was measured before the newest: it tells of the past, and changes nothing. */
  add(sample: Sample): boolean {
    if (sample.receivedAtMs > this.#lastReceivedAtMs) this.#lastReceivedAtMs = sample.receivedAtMs;
    if (this.#newest && compareSamples(sample, this.#newest) < 0) return false;
    this.#newest = sample;
    if (isUsable(sample)) {
      this.#newestUsable = sample;
      if (this.#windowMs > 0) this.#remember(sample);
    }
    return true;
  }

  #remember(sample: Sample): void {
    const from = instantOf(sample) - this.#windowMs;
    let gone = 0;
    for (const old of this.#history) {
      if (instantOf(old) >= from) break;
      gone += 1;
    }
    if (gone > 0) this.#history.splice(0, gone);
    const last = this.#history.at(-1);
    if (last && instantOf(sample) - instantOf(last) < this.#windowMs / MAX_HISTORY) return;
    this.#history.push(sample);
  }
}

/** What arrives together is in the order of its stamps, whether or not the clock is ahead. */
function compareSamples(one: Sample, other: Sample): number {
  return instantOf(one) - instantOf(other) || one.measuredAtMs - other.measuredAtMs;
}

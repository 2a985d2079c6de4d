import type { DeclaredDevice } from './device-registration.js';

/** Something that a probe measures: where its counters come from, and what they make in an interval. */
export interface ProbeSource<Reading> {
  /** The device as it is registered. */
  readonly device: DeclaredDevice;
  /** Reads the counters now. Never fails: what cannot be read is left out. */
  read(): Promise<Reading>;
  /** The value of each metric over the interval between two readings. */
  measure(interval: MeasuredInterval<Reading>): Readonly<Record<string, number>>;
}

/** Two readings, one interval apart. */
export interface MeasuredInterval<Reading> {
  readonly before: Reading;
  readonly after: Reading;
  /** How late the probe's timer was, in milliseconds. */
  readonly timerDelayMs: number;
}

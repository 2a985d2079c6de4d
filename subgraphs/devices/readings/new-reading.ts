import type { Quality } from '../codecs/codec.js';

/** A checked value on its way to be stored. */
export interface NewReading {
  readonly metric: string;
  /** UCUM code of the unit in which the metric was declared when the value was checked. */
  readonly unit: string;
  readonly value: number;
  /** Microseconds since 1970-01-01T00:00Z; exact, as it stays below 2^53. */
  readonly measuredAtUs: number;
  /** GOOD when left out. */
  readonly quality?: Quality;
  /**
   * The number that the device gave a value without a time of its own: what has that number already is the same value,
   * delivered again. At least -2^63 and less than 2^63.
   */
  readonly deviceSequence?: bigint;
  /** Which start of the device that number belongs to; without it a start is recognised by the numbers. */
  readonly deviceBoot?: string;
}

/** The readings of one telemetry message: all of them are stored, or none. */
export interface NewMessage {
  readonly deviceId: string;
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly receivedAtMs: number;
  readonly readings: readonly NewReading[];
}

/** The most readings that one commit, and so one message, may hold. */
export const MAX_READINGS_PER_COMMIT = 5_000;

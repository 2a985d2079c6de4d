import type { Quality } from '../../codecs/codec.js';

/** A committed reading as rules see it. */
export interface Sample {
  readonly metric: string;
  readonly value: number;
  /** UCUM code. */
  readonly unit: string;
  readonly quality: Quality;
  /** Milliseconds since 1970, by the device's time; see {@link instantOf} for what comes before what. */
  readonly measuredAtMs: number;
  /** Milliseconds since 1970, by our time. */
  readonly receivedAtMs: number;
}

/** What is remembered of one device. */
export interface DeviceView {
  /** The newest reading of a metric, whatever its quality; undefined where there was none yet. */
  newest(metric: string): Sample | undefined;
  /** The newest reading that says something: neither BAD nor STALE. */
  newestUsable(metric: string): Sample | undefined;
  /**
   * Usable readings of a metric by time of measurement, as far back as the rules that look at it need. Of readings that
   * are much nearer to each other than that some are left out.
   */
  history(metric: string): readonly Sample[];
}

/** What raised an alarm, for people. */
export interface Finding {
  readonly metric: string | null;
  readonly value: number | null;
  readonly unit: string | null;
  readonly message: string;
}

/** What a rule looks for, made ready. It does no I/O and keeps nothing from one look to the next. */
export interface Condition {
  /** It is looked at when one of these has a newer reading. */
  readonly metrics: readonly string[];
  /** How far back the history of its metrics must reach, in milliseconds; 0 for the newest reading alone. */
  readonly windowMs: number;
  /**
   * Whether it holds, after the newest reading of one of its metrics; undefined where that reading tells nothing.
   *
   * @param held whether it held before: what has to do with hysteresis.
   */
  holds(view: DeviceView, held: boolean): boolean | undefined;
  /** Why it holds. */
  explain(view: DeviceView): Finding;
}

/** Whether a reading says something of what was measured. */
export function isUsable({ quality }: Sample): boolean {
  return quality !== 'BAD' && quality !== 'STALE';
}

/**
 * When a reading counts as measured, in milliseconds since 1970: nothing is measured after it has arrived, so that of a
 * device whose clock is ahead it is the arrival. Otherwise one stamp from the future would make the past of all that come
 * until then.
 */
export function instantOf({ measuredAtMs, receivedAtMs }: Sample): number {
  return Math.min(measuredAtMs, receivedAtMs);
}

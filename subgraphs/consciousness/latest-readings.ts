import { isReadingMessage, type ReadingMessage } from './reading-message.js';
import { keyOfSignal, type Signal } from './signal.js';
import { stateMessage } from './state-message.js';

/** The newest value of each signal that somebody follows. */
export interface LatestReadings {
  /**
   * From now on keeps these signals. Of others it keeps those that came last, a bounded number: a node that is given one of
   * them shows its value at once.
   */
  follow(signals: readonly Signal[]): void;
  /** Takes readings from the live bus; returns how many of the messages were none. */
  take(messages: readonly unknown[]): number;
  /** Takes pushed states from the live bus; returns how many of the messages were none. */
  takeStates(messages: readonly unknown[]): number;
  /** The value of a signal; undefined when there is none or it is older than `oldest`. */
  read(signal: Signal, oldest: Date): number | undefined;
  /** When the newest value of a signal was true, however old that is, in milliseconds since 1970; undefined when there is none. */
  newestAt(signal: Signal): number | undefined;
  /** The phase that the value of a signal came with, in radians; undefined when it came without. */
  phaseOf(signal: Signal): number | undefined;
  /** Whether the value of a signal says of itself that it is simulated. */
  isSimulated(signal: Signal): boolean;
  /**
   * Milliseconds from one value to the next of the signal that brings them fastest, of those with a value since `oldest`; a
   * running mean that begins with `usual`.
   */
  quickest(oldest: Date): number;
}

export interface LatestReadingsOptions {
  /** For how far apart the values of a signal are taken until it has shown better, in milliseconds; a second by default. */
  readonly usualMs?: number;
}

interface Latest {
  readonly value: number;
  readonly phase?: number | undefined;
  readonly atMs: number;
  readonly intervalMs: number;
  readonly simulated: boolean;
}

/** How many signals that nobody follows are kept. */
const MOST_OTHERS = 1_024;

/** What one more interval counts in the running mean. */
const NEWEST_SHARE = 0.1;

/** A table of the newest values, filled from the live bus. */
export function createLatestReadings({ usualMs = 1_000 }: LatestReadingsOptions = {}): LatestReadings {
  let followed = new Map<string, Latest | undefined>();
  /** In the order in which they came first. One that still brings values when it is dropped comes in again with the next. */
  const others = new Map<string, Latest>();

  function keep(key: string, { value, phase, atMs, simulated }: Omit<Latest, 'intervalMs'>): void {
    const known = followed.get(key) ?? others.get(key);
    // A device may send what it gathered while it was cut off: an older reading is not the signal of now.
    if (known !== undefined && atMs < known.atMs) return;
    const latest = { value, phase, atMs, simulated, intervalMs: nextInterval(known, atMs) };
    if (followed.has(key)) followed.set(key, latest);
    else keepOther(key, latest);
  }

  function keepOther(key: string, latest: Latest): void {
    others.set(key, latest);
    if (others.size <= MOST_OTHERS) return;
    const [oldest] = others.keys();
    if (oldest !== undefined) others.delete(oldest);
  }

  /** Two values of one instant tell nothing about the pace of a signal. */
  function nextInterval(known: Latest | undefined, atMs: number): number {
    if (!known || atMs === known.atMs) return known?.intervalMs ?? usualMs;
    const gapMs = Math.min(10 * usualMs, atMs - known.atMs);
    return known.intervalMs + NEWEST_SHARE * (gapMs - known.intervalMs);
  }

  return {
    follow(signals) {
      const keys = signals.map(keyOfSignal);
      const before = followed;
      followed = new Map(keys.map((key) => [key, before.get(key) ?? others.get(key)]));
      for (const key of keys) others.delete(key);
    },
    take(messages) {
      let malformed = 0;
      for (const message of messages) {
        if (!isReadingMessage(message)) malformed += 1;
        else if (isWorthShowing(message)) keep(keyOfSignal(message), describe(message));
      }
      return malformed;
    },
    takeStates(messages) {
      let malformed = 0;
      for (const message of messages) {
        const { success, data } = stateMessage.safeParse(message);
        if (!success) malformed += 1;
        else keep(keyOfSignal({ own: 'STATE', index: data.index }), { ...data, simulated: false });
      }
      return malformed;
    },
    read(signal, oldest) {
      const latest = followed.get(keyOfSignal(signal));
      return latest !== undefined && latest.atMs >= oldest.getTime() ? latest.value : undefined;
    },
    newestAt(signal) {
      const key = keyOfSignal(signal);
      return (followed.get(key) ?? others.get(key))?.atMs;
    },
    phaseOf: (signal) => followed.get(keyOfSignal(signal))?.phase,
    isSimulated: (signal) => followed.get(keyOfSignal(signal))?.simulated ?? false,
    quickest(oldest) {
      return [...followed.values()]
        .filter((latest) => latest !== undefined && latest.atMs >= oldest.getTime())
        .reduce((least, latest) => Math.min(least, latest?.intervalMs ?? usualMs), Infinity);
    },
  };
}

/** What is known to be wrong, or of before, is no signal of now: the value before it is held. */
function isWorthShowing({ quality }: ReadingMessage): boolean {
  return quality !== 'BAD' && quality !== 'STALE';
}

function describe(reading: ReadingMessage): Omit<Latest, 'intervalMs'> {
  return {
    value: reading.value,
    atMs: instantOf(reading),
    simulated: reading.quality === 'SIMULATED',
  };
}

/** When a value was true, in milliseconds: by the device's clock, unless that clock is ahead of ours. */
function instantOf({ measuredAtMs, receivedAtMs }: ReadingMessage): number {
  return Math.min(measuredAtMs, receivedAtMs);
}

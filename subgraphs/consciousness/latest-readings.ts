import { readingMessage, type ReadingMessage } from './reading-message.js';
import { keyOfSignal, type Signal } from './signal.js';

/** The newest reading of each signal that somebody follows. */
export interface LatestReadings {
  /** From now on keeps these signals and no others, so that memory is bounded by the number of nodes. */
  follow(signals: readonly Signal[]): void;
  /** Takes readings from the live bus; returns how many of the messages were none. */
  take(messages: readonly unknown[]): number;
  /** The value of a signal; undefined when there is none or it is older than `oldest`. */
  read(signal: Signal, oldest: Date): number | undefined;
}

interface Latest {
  readonly value: number;
  readonly atMs: number;
}

/** A table of the newest readings, filled from the live bus. */
export function createLatestReadings(): LatestReadings {
  let followed = new Map<string, Latest | undefined>();

  function keep(message: ReadingMessage): void {
    const key = keyOfSignal(message);
    if (!followed.has(key)) return;
    const atMs = instantOf(message);
    const known = followed.get(key);
    // A device may send what it gathered while it was cut off: an older reading is not the signal of now.
    if (known === undefined || atMs >= known.atMs) followed.set(key, { value: message.value, atMs });
  }

  return {
    follow(signals) {
      followed = new Map(signals.map((signal) => [keyOfSignal(signal), followed.get(keyOfSignal(signal))]));
    },
    take(messages) {
      let malformed = 0;
      for (const message of messages) {
        const { success, data } = readingMessage.safeParse(message);
        if (success) keep(data);
        else malformed += 1;
      }
      return malformed;
    },
    read(signal, oldest) {
      const latest = followed.get(keyOfSignal(signal));
      return latest !== undefined && latest.atMs >= oldest.getTime() ? latest.value : undefined;
    },
  };
}

/** When a value was true, in milliseconds: by the device's clock, unless that clock is ahead of ours. */
function instantOf({ measuredAt, receivedAt }: ReadingMessage): number {
  return Math.min(Date.parse(measuredAt), Date.parse(receivedAt));
}

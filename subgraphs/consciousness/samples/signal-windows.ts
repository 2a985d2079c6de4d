import { keyOfSignal, type Signal } from '../signal.js';
import { SlidingWindow, type SlidingWindowOptions } from './sliding-window.js';

/** The newest values of one signal, and the phases that came with them. */
export interface SignalWindow {
  /** Oldest first. */
  readonly values: Float64Array;
  /** In radians, one for each value; NaN for a value that came without. */
  readonly phases: Float64Array;
}

/** What a signal shows at one instant. */
export interface SignalInstant {
  /** The number of the instant: one more for each sample period. */
  readonly tick: number;
  readonly value: number;
  /** In radians, where it is known. */
  readonly phase?: number | undefined;
}

/** The sliding windows of the signals that nodes have now. */
export interface SignalWindows {
  /** Forgets the windows of all other signals. */
  retain(signals: readonly Signal[]): void;
  push(signal: Signal, at: SignalInstant): void;
  /** The window of a signal; empty when nothing was pushed. */
  read(signal: Signal): SignalWindow;
}

interface Windows {
  readonly values: SlidingWindow;
  readonly phases: SlidingWindow;
}

/** Windows of one capacity, made when a signal's first value is pushed. */
export function createSignalWindows(options: SlidingWindowOptions): SignalWindows {
  const windows = new Map<string, Windows>();
  return {
    retain(signals) {
      const wanted = new Set(signals.map(keyOfSignal));
      for (const key of windows.keys()) if (!wanted.has(key)) windows.delete(key);
    },
    push(signal, { tick, value, phase = NaN }) {
      const key = keyOfSignal(signal);
      const window = windows.get(key) ?? {
        values: new SlidingWindow(options),
        phases: new SlidingWindow(options),
      };
      windows.set(key, window);
      window.values.push(tick, value);
      window.phases.push(tick, phase);
    },
    read(signal) {
      const window = windows.get(keyOfSignal(signal));
      return {
        values: window?.values.toArray() ?? new Float64Array(0),
        phases: window?.phases.toArray() ?? new Float64Array(0),
      };
    },
  };
}

/** The newest part of a window, at most so many values. */
export function cutToNewest({ values, phases }: SignalWindow, length: number): SignalWindow {
  const from = Math.max(0, values.length - length);
  return { values: values.slice(from), phases: phases.slice(from) };
}

/** The phases of a window, where every one of its values came with one; undefined otherwise. */
export function findGivenPhases({ phases }: SignalWindow): Float64Array | undefined {
  return phases.length > 0 && phases.every(Number.isFinite) ? phases : undefined;
}

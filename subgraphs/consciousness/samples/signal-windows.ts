import { keyOfSignal, type Signal } from '../signal.js';
import { SlidingWindow, type SlidingWindowOptions } from './sliding-window.js';

/** The sliding windows of the signals that nodes have now. */
export interface SignalWindows {
  /** Forgets the windows of all other signals. */
  retain(signals: readonly Signal[]): void;
  push(signal: Signal, at: { readonly tick: number; readonly value: number }): void;
  /** The window of a signal, oldest value first; empty when nothing was pushed. */
  read(signal: Signal): Float64Array;
}

/** Windows of one capacity, made when a signal's first value is pushed. */
export function createSignalWindows(options: SlidingWindowOptions): SignalWindows {
  const windows = new Map<string, SlidingWindow>();
  return {
    retain(signals) {
      const wanted = new Set(signals.map(keyOfSignal));
      for (const key of windows.keys()) if (!wanted.has(key)) windows.delete(key);
    },
    push(signal, { tick, value }) {
      const key = keyOfSignal(signal);
      const window = windows.get(key) ?? new SlidingWindow(options);
      windows.set(key, window);
      window.push(tick, value);
    },
    read(signal) {
      return windows.get(keyOfSignal(signal))?.toArray() ?? new Float64Array(0);
    },
  };
}

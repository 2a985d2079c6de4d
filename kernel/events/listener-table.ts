import { emitWarning } from '../errors/emit-warning.js';
import type { LiveListener } from './live-bus.js';

/** Who listens to what in this process. */
export interface ListenerTable {
  /** The returned function takes the listener out again; it tells whether that was the last one of its key. */
  add(key: string, listener: LiveListener<unknown>): () => boolean;
  has(key: string): boolean;
  deliver(key: string, messages: readonly unknown[]): void;
  /** Tells the listeners of a key, or all there are, that messages were lost. */
  lose(key?: string): void;
  clear(): void;
}

/**
 * Makes an empty table.
 *
 * @param onListenerError told of what a listener throws; the others hear the message all the same.
 */
export function createListenerTable(onListenerError: (error: unknown) => void = emitWarning): ListenerTable {
  const listenersByKey = new Map<string, Set<LiveListener<unknown>>>();

  function tell(
    listeners: ReadonlySet<LiveListener<unknown>>,
    what: (listener: LiveListener<unknown>) => void,
  ): void {
    for (const listener of listeners) {
      try {
        what(listener);
      } catch (error) {
        onListenerError(error);
      }
    }
  }

  return {
    add(key, listener) {
      const listeners = listenersByKey.get(key) ?? new Set();
      listenersByKey.set(key, listeners.add(listener));
      return () => {
        const removed = listeners.delete(listener);
        if (!removed || listeners.size > 0 || listenersByKey.get(key) !== listeners) return false;
        return listenersByKey.delete(key);
      };
    },
    has: (key) => listenersByKey.has(key),
    deliver(key, messages) {
      const listeners = listenersByKey.get(key);
      if (listeners) tell(listeners, (listener) => listener.onMessages(messages));
    },
    lose(key) {
      for (const [name, listeners] of listenersByKey) {
        if (key === undefined || key === name) tell(listeners, (listener) => listener.onLost());
      }
    },
    clear() {
      listenersByKey.clear();
    },
  };
}

/** A value that changes, and those who want to know. The shape that React's `useSyncExternalStore` takes. */
export interface Store<T> {
  get(): T;
  set(value: T): void;
  /** The returned function ends it. */
  subscribe(listener: () => void): () => void;
}

/** Makes a store. A value that is the same as before is no change. */
export function createStore<T>(initial: T): Store<T> {
  const listeners = new Set<() => void>();
  let current = initial;
  return {
    get: () => current,
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

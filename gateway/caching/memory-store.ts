import { LRUCache } from 'lru-cache';
import { expiryOf, type CacheEntry, type CacheStore } from './cache-store.js';

export interface MemoryStoreOptions {
  /** The most bytes that it holds; beyond them, what was used least recently goes. */
  readonly maxBytes: number;
  /** A clock in milliseconds since 1970. */
  readonly now: () => number;
}

/** A store whose size can be told. */
export interface MemoryStore extends CacheStore {
  /** What the entries take up, in bytes, roughly. */
  readonly bytes: number;
}

/** What an entry takes up beside its texts, in bytes, roughly. */
const OVERHEAD_BYTES = 256;
const LABEL_BYTES = 64;

/** Keeps entries in this process. */
export function createMemoryStore({ maxBytes, now }: MemoryStoreOptions): MemoryStore {
  const keysOf = new Map<string, Set<string>>();
  const entries = new LRUCache<string, CacheEntry>({
    maxSize: maxBytes,
    sizeCalculation: sizeOf,
    disposeAfter: (entry, key, reason) => {
      if (reason !== 'set') unindex(entry, key);
    },
  });

  function index({ labels }: CacheEntry, key: string): void {
    for (const label of labels) {
      const keys = keysOf.get(label) ?? new Set();
      keysOf.set(label, keys.add(key));
    }
  }

  function unindex({ labels }: CacheEntry, key: string): void {
    for (const label of labels) {
      const keys = keysOf.get(label);
      keys?.delete(key);
      if (keys?.size === 0) keysOf.delete(label);
    }
  }

  function find(key: string): CacheEntry | undefined {
    const entry = entries.get(key);
    if (!entry || expiryOf(entry) > now()) return entry;
    entries.delete(key);
    return undefined;
  }

  return {
    get bytes() {
      return entries.calculatedSize;
    },
    getMany: (keys) => Promise.resolve(keys.map(find)),
    setMany(given) {
      for (const [key, entry] of given) {
        const before = entries.peek(key);
        if (before) unindex(before, key);
        entries.set(key, entry);
        // One that is larger than all the room is not taken.
        if (entries.has(key)) index(entry, key);
      }
    },
    removeLabelled([first, ...others]) {
      const keys = [...(keysOf.get(first ?? '') ?? [])].filter((key) =>
        others.every((label) => keysOf.get(label)?.has(key)),
      );
      for (const key of keys) entries.delete(key);
      return Promise.resolve(keys.length);
    },
    close() {
      entries.clear();
      return Promise.resolve();
    },
  };
}

function sizeOf({ value, labels, tags }: CacheEntry, key: string): number {
  const texts = [...labels, ...tags].reduce((sum, text) => sum + text.length + LABEL_BYTES, 0);
  return OVERHEAD_BYTES + 2 * (value.length + key.length) + texts;
}

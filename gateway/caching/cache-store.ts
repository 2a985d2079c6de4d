/** What is kept of an answer. Instants are in milliseconds since 1970, for processes share entries. */
export interface CacheEntry {
  /** JSON text. */
  readonly value: string;
  readonly storedAt: number;
  /** Until when it is as good as a new answer. */
  readonly freshUntil: number;
  /** Until when it may be given out while a new one is fetched. */
  readonly revalidateUntil: number;
  /** Until when it may be given out when no new one can be had. */
  readonly errorUntil: number;
  /** `private` entries are under keys that name who asked. */
  readonly scope: 'public' | 'private';
  /** By what it can be invalidated. */
  readonly labels: readonly string[];
  /** Those of the labels that the subgraph gave. */
  readonly tags: readonly string[];
}

/** Keeps entries for as long as they are of use, or until there is no room. It never throws: what it cannot do is a miss. */
export interface CacheStore {
  /** The entries of some keys, in their order; undefined for one that is not there. */
  getMany(keys: readonly string[]): Promise<readonly (CacheEntry | undefined)[]>;
  /** Keeps entries; nobody waits until they are there. */
  setMany(entries: ReadonlyMap<string, CacheEntry>): void;
  /**
   * Removes the entries that have all of some labels.
   *
   * Errors: when it cannot, for then they are still there.
   */
  removeLabelled(labels: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Until when an entry is of any use. */
export function expiryOf({ freshUntil, revalidateUntil, errorUntil }: CacheEntry): number {
  return Math.max(freshUntil, revalidateUntil, errorUntil);
}

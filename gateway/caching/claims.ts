import type { CacheEntry } from './cache-store.js';

/** Somebody's promise to say what there is for a key; undefined when it came to nothing that others may have. */
export interface Claim {
  readonly entry: Promise<CacheEntry | undefined>;
  /** Keeps the promise, and ends it. */
  readonly settle: (entry: CacheEntry | undefined) => void;
}

/** Keys that somebody is asking for now. */
export interface Claims {
  find(key: string): Claim | undefined;
  /** Promises to say what there is for a key that nobody has claimed. */
  open(key: string): Claim;
}

/** Makes an empty table. */
export function createClaims(): Claims {
  const claims = new Map<string, Claim>();
  return {
    find: (key) => claims.get(key),
    open(key) {
      let resolve: Claim['settle'] = () => undefined;
      const entry = new Promise<CacheEntry | undefined>((settled) => {
        resolve = settled;
      });
      const claim: Claim = {
        entry,
        settle(found) {
          claims.delete(key);
          resolve(found);
        },
      };
      claims.set(key, claim);
      return claim;
    },
  };
}

/** How often somebody may present credentials that are good for nobody. */
export interface FailureLimit {
  /** For how many milliseconds an address is to wait; 0 when it may try. */
  waitMs(address: string): number;
  failed(address: string): void;
}

export interface FailureLimitOptions {
  /** How many failures an address has in a window. */
  readonly failures?: number;
  readonly windowMs?: number;
  /** The most addresses that are remembered; the oldest is forgotten for one more. */
  readonly capacity?: number;
  readonly now?: () => number;
}

/** Makes one that counts in fixed windows. */
export function createFailureLimit({
  failures = 20,
  windowMs = 60_000,
  capacity = 10_000,
  now = Date.now,
}: FailureLimitOptions = {}): FailureLimit {
  const counts = new Map<string, { count: number; readonly endsAt: number }>();

  function find(address: string) {
    const found = counts.get(address);
    return found && found.endsAt > now() ? found : undefined;
  }

  return {
    waitMs(address) {
      const found = find(address);
      return found && found.count >= failures ? found.endsAt - now() : 0;
    },
    failed(address) {
      const found = find(address);
      if (found) {
        found.count += 1;
        return;
      }
      counts.delete(address);
      for (const oldest of counts.keys()) {
        if (counts.size < capacity) break;
        counts.delete(oldest);
      }
      counts.set(address, { count: 1, endsAt: now() + windowMs });
    },
  };
}

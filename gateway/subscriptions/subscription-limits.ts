import { AegisError } from '../../kernel/errors/aegis-error.js';

/** How many subscriptions of clients may run at a time. */
export interface SubscriptionLimits {
  readonly maxSubscriptions: number;
  /** Of one subject in one workspace. */
  readonly maxSubscriptionsPerIdentity: number;
  /** On one WebSocket. */
  readonly maxSubscriptionsPerConnection: number;
}

/** Counts what runs. */
export interface SubscriptionCounter {
  readonly running: number;
  /** Takes a place; the returned function, called once, gives it back. Errors: RATE_LIMITED, naming the limit. */
  take(identity: string, connection: object): () => void;
}

/** How long a client that was refused should wait, in milliseconds. */
const RETRY_AFTER_MS = 5_000;

/** Begins to count. */
export function createSubscriptionCounter(limits: SubscriptionLimits): SubscriptionCounter {
  const byIdentity = new Map<string, number>();
  const byConnection = new WeakMap<object, number>();
  let running = 0;

  function check(count: number, limit: number, whose: string): void {
    if (count < limit) return;
    throw new AegisError(
      'RATE_LIMITED',
      `expected at most ${limit} running subscriptions ${whose}, got one more. End one first, or try again later.`,
      { retryAfterMs: RETRY_AFTER_MS, details: { limit } },
    );
  }

  return {
    get running() {
      return running;
    },
    take(identity, connection) {
      const ofIdentity = byIdentity.get(identity) ?? 0;
      check(byConnection.get(connection) ?? 0, limits.maxSubscriptionsPerConnection, 'on one connection');
      check(ofIdentity, limits.maxSubscriptionsPerIdentity, 'of one identity');
      check(running, limits.maxSubscriptions, 'on this gateway');
      running += 1;
      byIdentity.set(identity, ofIdentity + 1);
      byConnection.set(connection, (byConnection.get(connection) ?? 0) + 1);
      return () => {
        running -= 1;
        const left = (byIdentity.get(identity) ?? 1) - 1;
        if (left > 0) byIdentity.set(identity, left);
        else byIdentity.delete(identity);
        byConnection.set(connection, (byConnection.get(connection) ?? 1) - 1);
      };
    },
  };
}

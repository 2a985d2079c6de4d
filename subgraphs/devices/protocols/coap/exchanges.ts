/** A request that was taken. */
export interface Exchange {
  /** The datagram that it was answered with last; undefined while there is none. */
  answer: Buffer | undefined;
}

/** What was taken lately, so that what is repeated is answered the same and not taken twice. */
export interface Exchanges {
  find(key: string): Exchange | undefined;
  open(key: string): Exchange;
  /** It is as if it had not come. */
  forget(key: string): void;
}

export interface ExchangesOptions {
  /** How long one is remembered, in milliseconds: as long as it may be repeated. */
  readonly lifetimeMs: number;
  /** The most that are remembered; the oldest is forgotten for one more. */
  readonly capacity?: number;
  readonly now?: () => number;
}

/** Some 30 MB of small answers; at 400 requests a second all of those that may still be repeated. */
const CAPACITY = 100_000;

/** Makes the memory. Source: RFC 7252, §4.5. */
export function createExchanges({
  lifetimeMs,
  capacity = CAPACITY,
  now = Date.now,
}: ExchangesOptions): Exchanges {
  /** In the order of their end, as all of them live equally long. */
  const open = new Map<string, Exchange & { readonly endsAt: number }>();

  function forgetOld(): void {
    for (const [key, { endsAt }] of open) {
      if (endsAt > now() && open.size < capacity) return;
      open.delete(key);
    }
  }

  return {
    find(key) {
      const found = open.get(key);
      return found && found.endsAt > now() ? found : undefined;
    },
    open(key) {
      forgetOld();
      const exchange = { answer: undefined, endsAt: now() + lifetimeMs };
      open.delete(key);
      open.set(key, exchange);
      return exchange;
    },
    forget(key) {
      open.delete(key);
    },
  };
}

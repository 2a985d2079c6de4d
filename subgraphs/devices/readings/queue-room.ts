/** How much more a bounded queue takes. */
export interface QueueRoom {
  /** What is taken at present. */
  readonly taken: number;
  /** Takes room when there is enough and nobody waits for some; false otherwise. */
  tryTake(amount: number): boolean;
  /** Waits its turn for room. Errors: what {@link close} was given. */
  take(amount: number): Promise<void>;
  give(amount: number): void;
  /** Refuses everybody who waits, and everybody to come. */
  close(reason: Error): void;
}

interface Waiter {
  readonly amount: number;
  readonly enter: () => void;
  readonly refuse: (reason: Error) => void;
}

/** Makes the room of a queue. No `amount` may be larger than `capacity`, or it would wait for ever. */
export function createQueueRoom(capacity: number): QueueRoom {
  let taken = 0;
  let closedFor: Error | undefined;
  /** In their order; a set, as taking the first of a long array moves all the others. */
  const waiters = new Set<Waiter>();

  function admit(): void {
    for (const waiter of waiters) {
      if (taken + waiter.amount > capacity) return;
      waiters.delete(waiter);
      taken += waiter.amount;
      waiter.enter();
    }
  }

  return {
    get taken() {
      return taken;
    },
    tryTake(amount) {
      if (closedFor || waiters.size > 0 || taken + amount > capacity) return false;
      taken += amount;
      return true;
    },
    take(amount) {
      if (closedFor) return Promise.reject(closedFor);
      return new Promise<void>((enter, refuse) => {
        waiters.add({ amount, enter, refuse });
        admit();
      });
    },
    give(amount) {
      taken -= amount;
      admit();
    },
    close(reason) {
      closedFor = reason;
      for (const waiter of waiters) waiter.refuse(reason);
      waiters.clear();
    },
  };
}

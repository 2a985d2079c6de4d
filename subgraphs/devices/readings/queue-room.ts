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
  const waiters: Waiter[] = [];

  function admit(): void {
    for (let next = waiters[0]; next && taken + next.amount <= capacity; next = waiters[0]) {
      waiters.shift();
      taken += next.amount;
      next.enter();
    }
  }

  return {
    get taken() {
      return taken;
    },
    tryTake(amount) {
      if (closedFor || waiters.length > 0 || taken + amount > capacity) return false;
      taken += amount;
      return true;
    },
    take(amount) {
      if (closedFor) return Promise.reject(closedFor);
      return new Promise<void>((enter, refuse) => {
        waiters.push({ amount, enter, refuse });
        admit();
      });
    },
    give(amount) {
      taken -= amount;
      admit();
    },
    close(reason) {
      closedFor = reason;
      for (const waiter of waiters.splice(0)) waiter.refuse(reason);
    },
  };
}

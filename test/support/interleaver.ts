/** Lets several asynchronous activities take turns in an order that a test chooses. */
export interface Interleaver {
  /** Waits until the activity is given its turn. */
  readonly pause: () => Promise<void>;
  /** Gives turns until the condition holds. Errors: when it does not hold and nobody waits for a turn any more. */
  runUntil(what: string, condition: () => boolean): Promise<void>;
}

/** @param choices which of the waiting activities is next, each time; repeated when they are used up. */
export function createInterleaver(choices: readonly number[]): Interleaver {
  const waiting: (() => void)[] = [];
  let turn = 0;
  return {
    pause: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
    async runUntil(what, condition) {
      for (;;) {
        // Everything that can go on without a turn does so first.
        await new Promise(setImmediate);
        if (condition()) return;
        if (waiting.length === 0) throw new Error(`nobody waits for a turn any more, and not ${what}`);
        const choice = (choices[turn % choices.length] ?? 0) % waiting.length;
        turn += 1;
        const [next] = waiting.splice(choice, 1);
        next?.();
      }
    },
  };
}

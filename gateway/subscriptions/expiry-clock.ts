/** Tells when credentials have expired: one timer for all of them, however many there are. */
export interface ExpiryClock {
  /**
   * Calls back once, at most a second after the instant; soon when that has passed already. The returned function takes
   * the listener back and is safe to call twice.
   *
   * @param at in milliseconds since 1970.
   */
  watch(at: number, onExpired: () => void): () => void;
  /** Calls nobody back any more. */
  close(): void;
}

/** The longest that Node's timers wait, in milliseconds: longer ones would go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** What expires within one of these is told together, in milliseconds. */
const STEP_MS = 1_000;

/** Makes a clock that watches nothing yet, and then keeps no process alive. */
export function createExpiryClock(now: () => number = Date.now): ExpiryClock {
  const steps = new Map<number, Set<() => void>>();
  let timer: NodeJS.Timeout | undefined;
  let armedFor = Infinity;

  function arm(): void {
    clearTimeout(timer);
    armedFor = Infinity;
    for (const step of steps.keys()) armedFor = Math.min(armedFor, step);
    if (armedFor === Infinity) return;
    const waitMs = Math.max(0, armedFor * STEP_MS - now());
    timer = setTimeout(tellExpired, Math.min(waitMs, MAX_TIMER_MS)).unref();
  }

  function tellExpired(): void {
    const until = now() / STEP_MS;
    for (const [step, listeners] of steps) {
      if (step > until) continue;
      steps.delete(step);
      for (const listener of listeners) listener();
    }
    arm();
  }

  return {
    watch(at, onExpired) {
      const step = Math.ceil(at / STEP_MS);
      // Of its own, so that the same function may be watched for twice.
      const listener = () => {
        onExpired();
      };
      const listeners = steps.get(step) ?? new Set();
      steps.set(step, listeners.add(listener));
      if (step < armedFor) arm();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && steps.get(step) === listeners) steps.delete(step);
      };
    },
    close() {
      clearTimeout(timer);
      steps.clear();
    },
  };
}

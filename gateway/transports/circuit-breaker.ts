import { RollingCount } from './rolling-count.js';

export type CircuitState = 'closed' | 'half-open' | 'open';

/** What a call came to: `neutral` says nothing of who was called, as when the caller has left. */
export type CallOutcome = 'success' | 'failure' | 'neutral';

/** Leave to make one call, whose outcome must be reported once; or how long to wait for it, in milliseconds. */
export type Admission =
  { readonly report: (outcome: CallOutcome) => void } | { readonly retryAfterMs: number };

export interface CircuitBreakerOptions {
  /** Opens when at least this share of the calls in the window failed, in percent. */
  readonly failurePercent: number;
  /** Never opens on fewer calls in the window than these. */
  readonly minimumCalls: number;
  /** Over how long calls are counted, in milliseconds. */
  readonly windowMs: number;
  /** How long it stays open, in milliseconds; then one call at a time finds out whether it may close. */
  readonly openMs: number;
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number;
  /** Told of each change, and of the first state. */
  readonly onState: (state: CircuitState) => void;
}

/**
 * Stops calls to who fails too often, so that callers need not wait for the failure, and the one who is called can recover.
 *
 * Source: Nygard, Release It! (2nd edition, 2018), "Circuit Breaker".
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  readonly #calls: RollingCount;
  readonly #failures: RollingCount;
  #state: CircuitState = 'closed';
  #openUntil = 0;
  /** Counts the changes of state: what was begun before the last one says nothing of now. */
  #epoch = 0;
  #probing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
    this.#calls = new RollingCount(options.windowMs, options.now);
    this.#failures = new RollingCount(options.windowMs, options.now);
    options.onState('closed');
  }

  /** How long calls are still refused, in milliseconds; 0 when one may be made. */
  get retryAfterMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntil - this.#options.now()) : 0;
  }

  /** Asks for leave to make a call. */
  enter(): Admission {
    const { retryAfterMs } = this;
    if (retryAfterMs > 0) return { retryAfterMs };
    if (this.#state === 'open') this.#become('half-open');
    if (this.#state === 'half-open') {
      // Nobody knows when the probe will be answered: at the latest it has failed when it may be asked for again.
      if (this.#probing) return { retryAfterMs: this.#options.openMs };
      this.#probing = true;
    }
    const epoch = this.#epoch;
    return {
      report: (outcome) => {
        if (epoch === this.#epoch) this.#take(outcome);
      },
    };
  }

  #take(outcome: CallOutcome): void {
    if (this.#state === 'half-open') this.#takeProbe(outcome);
    else if (outcome !== 'neutral') this.#count(outcome);
  }

  #takeProbe(outcome: CallOutcome): void {
    this.#probing = false;
    if (outcome === 'success') this.#become('closed');
    if (outcome === 'failure') this.#open();
  }

  #count(outcome: CallOutcome): void {
    const { minimumCalls, failurePercent } = this.#options;
    this.#calls.add();
    if (outcome === 'success') return;
    this.#failures.add();
    const calls = this.#calls.total;
    if (calls >= minimumCalls && this.#failures.total * 100 >= calls * failurePercent) this.#open();
  }

  #open(): void {
    this.#openUntil = this.#options.now() + this.#options.openMs;
    this.#become('open');
  }

  #become(state: CircuitState): void {
    this.#state = state;
    this.#epoch += 1;
    this.#probing = false;
    this.#calls.clear();
    this.#failures.clear();
    this.#options.onState(state);
  }
}

import type { PhiEstimate, SurrogateBasis } from '../metrics/phi-estimate.js';

/**
 * The Φ of the newest surrogates of a window that slides: each update makes some anew, and keeps the others of the updates
 * before. They are of windows that are much the same, so their band is as well; and an update costs a few of them, not all.
 */
export class SurrogateBand {
  readonly #capacity: number;
  #key = '';
  #values: readonly number[] = [];
  #instants: readonly Date[] = [];
  #basis: SurrogateBasis | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** In bits, newest last. */
  get values(): readonly number[] {
    return this.#values;
  }

  /** What they were computed with. */
  get basis(): SurrogateBasis | undefined {
    return this.#basis;
  }

  /** The instant of the window that the oldest one is of. */
  get oldestAt(): Date | undefined {
    return this.#instants[0];
  }

  /** Forgets the surrogates of other signals, named by the key. */
  begin(key: string): void {
    if (key === this.#key) return;
    this.#key = key;
    this.#values = [];
    this.#instants = [];
    this.#basis = undefined;
  }

  /** Takes over what an update came to. */
  take(
    { references, renewed, basis }: Pick<PhiEstimate, 'references' | 'renewed' | 'basis'>,
    at: Date,
  ): void {
    this.#basis = basis;
    this.#values = references;
    const fresh = Array.from({ length: renewed }, () => at);
    this.#instants = [...this.#instants, ...fresh].slice(-this.#capacity);
  }
}

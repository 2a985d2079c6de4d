/** What a full stream does with one more item. */
export type OverflowPolicy = 'drop-all' | 'fail';

export interface PushStreamOptions {
  /** The most items kept for a reader that lags. */
  readonly capacity: number;
  /**
   * `drop-all` empties the stream and marks the reader's next item as the first after a loss: for readers that can read
   * again from storage. `fail` ends the stream with an error.
   */
  readonly overflow: OverflowPolicy;
  /** Called once when the reader leaves or the stream ends. */
  readonly onClose?: () => void;
}

/** The items that reached the reader, and whether some before them were lost. */
export interface Batch<T> {
  readonly items: readonly T[];
  readonly lost: boolean;
}

/**
 * A bounded queue between a producer that cannot wait and one reader that can: `push` never blocks, the reader takes
 * whatever has gathered.
 */
export class PushStream<T> {
  #items: T[] = [];
  #lost = false;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  readonly #options: PushStreamOptions;

  constructor(options: PushStreamOptions) {
    this.#options = options;
  }

  /** Adds an item; false when the stream has ended. */
  push(item: T): boolean {
    if (this.#ended) return false;
    if (this.#items.length >= this.#options.capacity) {
      if (this.#options.overflow === 'fail') {
        this.end(new Error(`a reader fell more than ${this.#options.capacity} items behind`));
        return false;
      }
      this.markLost();
    } else {
      this.#items.push(item);
    }
    this.#wake?.();
    return true;
  }

  /** Tells the reader that items were lost before they came here; those still waiting are dropped as well. */
  markLost(): void {
    if (this.#ended) return;
    this.#items = [];
    this.#lost = true;
    this.#wake?.();
  }

  /** Ends the stream: the reader still gets what is waiting, then the error if there is one. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#options.onClose?.();
    this.#wake?.();
  }

  /** Waits for the next items; undefined at the end. Errors: the one that {@link end} was given. */
  async take(): Promise<Batch<T> | undefined> {
    while (this.#items.length === 0 && !this.#lost) {
      if (this.#ended) {
        if (this.#error) throw this.#error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const batch = { items: this.#items, lost: this.#lost };
    this.#items = [];
    this.#lost = false;
    return batch;
  }
}

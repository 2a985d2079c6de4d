/** How often something happened within the last so many milliseconds, to the accuracy of a tenth of them. */
export class RollingCount {
  readonly #slots = new Array<number>(SLOTS).fill(0);
  readonly #slotMs: number;
  readonly #now: () => number;
  /** The number of the slot that is being filled, counted from the clock's beginning. */
  #current: number;

  /** @param now a clock in milliseconds that never goes back. */
  constructor(windowMs: number, now: () => number) {
    this.#slotMs = windowMs / SLOTS;
    this.#now = now;
    this.#current = this.#slotNow();
  }

  add(): void {
    this.#forget();
    const index = this.#current % SLOTS;
    this.#slots[index] = (this.#slots[index] ?? 0) + 1;
  }

  get total(): number {
    this.#forget();
    return this.#slots.reduce((sum, count) => sum + count, 0);
  }

  clear(): void {
    this.#slots.fill(0);
  }

  #slotNow(): number {
    return Math.floor(this.#now() / this.#slotMs);
  }

  #forget(): void {
    const slot = this.#slotNow();
    const first = Math.max(this.#current + 1, slot - SLOTS + 1);
    for (let passed = first; passed <= slot; passed += 1) this.#slots[passed % SLOTS] = 0;
    this.#current = Math.max(this.#current, slot);
  }
}

const SLOTS = 10;

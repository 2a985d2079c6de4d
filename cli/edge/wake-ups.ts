/** Wakes those who wait for the next change of something. */
export class WakeUps {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next {@link wake}, or when the signal is aborted; `stop` gives it up. */
  next(signal: AbortSignal): { readonly heard: Promise<void>; readonly stop: () => void } {
    let resolve: () => void = () => undefined;
    const heard = new Promise<void>((done) => {
      resolve = done;
    });
    const stop = () => {
      this.#waiting.delete(stop);
      signal.removeEventListener('abort', stop);
      resolve();
    };
    this.#waiting.add(stop);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    return { heard, stop };
  }

  wake(): void {
    for (const stop of [...this.#waiting]) stop();
  }
}

import { AegisError } from '../errors/aegis-error.js';

/** A signal that is aborted with another one, or by a clock with UPSTREAM_TIMEOUT as its reason. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Stops the clock; the signal still follows the other one. */
  stopClock(): void;
  /** Stops the clock and forgets the other signal. */
  close(): void;
}

/**
 * Starts the clock.
 *
 * @param message what the error says when the time is over.
 */
export function openDeadline(followed: AbortSignal, timeoutMs: number, message: string): Deadline {
  const controller = new AbortController();
  const onAbort = () => {
    controller.abort(followed.reason);
  };
  const timer = setTimeout(() => {
    controller.abort(new AegisError('UPSTREAM_TIMEOUT', message));
  }, timeoutMs);
  followed.addEventListener('abort', onAbort, { once: true });
  if (followed.aborted) onAbort();
  return {
    signal: controller.signal,
    stopClock() {
      clearTimeout(timer);
    },
    close() {
      clearTimeout(timer);
      followed.removeEventListener('abort', onAbort);
    },
  };
}

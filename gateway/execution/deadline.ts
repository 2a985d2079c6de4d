import { AegisError } from '../../kernel/errors/aegis-error.js';

/** A signal that is aborted with the client's, or by a clock with UPSTREAM_TIMEOUT as its reason. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Stops the clock; the signal still follows the client's. */
  stopClock(): void;
  /** Stops the clock and forgets the client. */
  close(): void;
}

/** Starts the clock. */
export function openDeadline(client: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  const onClientAbort = () => {
    controller.abort(client.reason);
  };
  const timer = setTimeout(() => {
    controller.abort(new AegisError('UPSTREAM_TIMEOUT', `the operation took longer than ${timeoutMs} ms.`));
  }, timeoutMs);
  client.addEventListener('abort', onClientAbort, { once: true });
  if (client.aborted) onClientAbort();
  return {
    signal: controller.signal,
    stopClock() {
      clearTimeout(timer);
    },
    close() {
      clearTimeout(timer);
      client.removeEventListener('abort', onClientAbort);
    },
  };
}

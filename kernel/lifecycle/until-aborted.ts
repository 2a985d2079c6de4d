import { AegisError } from '../errors/aegis-error.js';

/**
 * Waits for work until the signal is aborted.
 *
 * Errors: what the work throws; the signal's reason when that is an AegisError, otherwise CANCELLED. The work itself is
 * not stopped: it takes the signal for that.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    throw reasonOf(signal);
  }
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(reasonOf(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function reasonOf(signal: AbortSignal): AegisError {
  if (signal.reason instanceof AegisError) return signal.reason;
  return new AegisError('CANCELLED', 'the request was cancelled before it was answered.', {
    cause: signal.reason,
  });
}

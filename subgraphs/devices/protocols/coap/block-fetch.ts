import { AegisError } from '../../../../kernel/errors/aegis-error.js';

/** How long the other blocks of a large notification are waited for. */
const FETCH_MS = 60_000;

/** The wait for the other blocks of a notification. */
export interface BlockFetch {
  readonly whole: Promise<void>;
  readonly done: () => void;
  close(): void;
}

/** Waits until all blocks of a notification have been asked for; at once when it has only one. */
export function openBlockFetch(isLarge: boolean, signal: AbortSignal): BlockFetch {
  let done: () => void = () => undefined;
  let close: () => void = () => undefined;
  const whole = new Promise<void>((resolve, reject) => {
    const fail = () => {
      reject(new AegisError('UNAVAILABLE', 'CoAP: the device did not ask for all blocks of a notification.'));
    };
    const timer = setTimeout(fail, FETCH_MS);
    signal.addEventListener('abort', fail, { once: true });
    done = resolve;
    close = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', fail);
    };
    if (!isLarge) resolve();
  });
  // It may fail before it is waited for.
  whole.catch(() => undefined);
  return { whole, done, close };
}

import type { AegisError } from '../errors/aegis-error.js';
import type { Logger } from '../telemetry/logger.js';

/** How much of a refused payload is sent back, in characters. */
const SHOWN = 200;

/** What the sender of a refused message is told: why, and the beginning of what it sent. */
export function toRejection({ code, message }: AegisError, payload: Uint8Array): string {
  const shown = Buffer.from(payload.subarray(0, 4 * SHOWN))
    .toString('utf8')
    .slice(0, SHOWN);
  return JSON.stringify({ code, message, ...(shown === '' ? {} : { payload: shown }) });
}

/** Logs refused messages. */
export type RejectionLog = (topic: string, error: AegisError) => void;

const WINDOW_MS = 10_000;

/** Makes a log that writes at most one line in ten seconds: a device that is set up wrongly may send for weeks. */
export function createRejectionLog(logger: Logger, now: () => number = Date.now): RejectionLog {
  let loggedAt = -Infinity;
  let unlogged = 0;
  return (topic, { code, message }) => {
    if (now() - loggedAt < WINDOW_MS) {
      unlogged += 1;
      return;
    }
    logger.warn(
      { topic: topic.slice(0, 200), code, reason: message, ...(unlogged > 0 ? { unlogged } : {}) },
      'refused a message',
    );
    loggedAt = now();
    unlogged = 0;
  };
}

import { AegisError } from '../errors/aegis-error.js';
import { isTransientFailure } from './transient-failure.js';

const RETRY_AFTER_MS = 1_000;

/**
 * Waits for work of the database. When the database could not be reached, or broke off, that is told as UNAVAILABLE, which
 * a client may answer by trying again; what the driver said is the cause. Any other error stays as it is.
 */
export async function tellUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AegisError || !isTransientFailure(error)) throw error;
    throw new AegisError('UNAVAILABLE', 'the database could not be reached; try again in a moment.', {
      retryAfterMs: RETRY_AFTER_MS,
      cause: error,
    });
  }
}

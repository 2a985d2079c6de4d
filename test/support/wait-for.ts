import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitForOptions {
  /** Gives up after this long, in milliseconds. */
  readonly deadlineMs?: number;
  /** How long between two looks, in milliseconds. */
  readonly everyMs?: number;
}

/**
 * Waits until a condition holds, for what tells nobody when it does.
 *
 * Errors: past the deadline, with what was waited for and the last error of the condition, if it threw one.
 *
 * @param what the condition in words.
 * @param condition gives a value that is neither undefined nor false once it holds.
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { deadlineMs = 10_000, everyMs = 10 }: WaitForOptions = {},
): Promise<T> {
  const deadlineAt = Date.now() + deadlineMs;
  let cause: unknown;
  while (Date.now() < deadlineAt) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      cause = error;
    }
    await sleep(everyMs);
  }
  throw new Error(`waited ${deadlineMs} ms in vain until ${what}`, { cause });
}

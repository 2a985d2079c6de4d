import { setImmediate } from 'node:timers/promises';

/** Returns as soon as a condition holds. Errors: when it does not within the deadline, in milliseconds. */
export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const deadlineAt = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadlineAt)
      throw new Error(`waited ${deadlineMs} ms in vain for: ${condition.toString()}`);
    await setImmediate();
  }
}

import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { PushState } from '../push-state.js';

/** A state that a node pushes over HTTP or MQTT. */
export const pushedValue = z.strictObject({
  value: z.number(),
  phase: z
    .number()
    .optional()
    .describe(
      'Its phase in radians, where the node knows it: taken as it is, in place of the one of the analytic signal of its values.',
    ),
  timestamp: z
    .number()
    .min(0)
    .max(253_402_300_799)
    .optional()
    .describe(
      'When it was true, in seconds since 1970, with fractions; now when left out. Refused when it is further ahead than a clock may be, so old that it would not count, or older than the newest state of the node.',
    ),
});

/**
 * Takes a state that was pushed to a node.
 *
 * Errors: BAD_USER_INPUT when it is none, or of an instant that cannot be or is too old to count; NOT_FOUND and CONFLICT when the
 * node does not take it.
 */
export async function takePushedValue(pushState: PushState, index: number, given: unknown): Promise<void> {
  const { success, data, error } = pushedValue.safeParse(given);
  if (!success) {
    const reasons = error.issues.map(({ path, message }) => `${path.join('.') || 'state'}: ${message}`);
    throw new AegisError(
      'BAD_USER_INPUT',
      `expected {"value": 0.5, "phase": radians or left out, "timestamp": seconds since 1970 or left out}, but: ${reasons.join('; ')}.`,
    );
  }
  const at = data.timestamp === undefined ? null : new Date(Math.round(1_000 * data.timestamp));
  const { value, phase } = data;
  const { userErrors } = await pushState({ index, value, phase, at });
  const [refusal] = userErrors;
  if (refusal) throw new AegisError(refusal.code, refusal.message);
}

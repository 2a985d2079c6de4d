import { z } from 'zod';

/**
 * Makes the transform of a setting of a reader that says itself what is wrong: what it throws is told in its own words, which
 * must not quote a secret.
 */
export function readWith<T>(read: (text: string) => T): (text: string, context: z.RefinementCtx) => T {
  return (text, context) => {
    try {
      return read(text);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.addIssue({ code: 'custom', message, params: { told: true } });
      return z.NEVER;
    }
  };
}

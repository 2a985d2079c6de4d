import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';

/** Reads the arguments of a call. Errors: BAD_USER_INPUT, with what is wrong with which of them. */
export function readArguments<Schema extends z.ZodObject>(
  schema: Schema,
  given: Readonly<Record<string, unknown>>,
): z.infer<Schema> {
  const outcome = schema.safeParse(given);
  if (outcome.success) return outcome.data;
  throw new AegisError('BAD_USER_INPUT', z.prettifyError(outcome.error));
}

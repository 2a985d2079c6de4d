import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { JsonSchema } from '../profiles/profile.js';
import { decodeMessage } from '../twin/decode-message.js';
import type { SchemaChecker } from './json-schema.js';

/** A device's answer as it was sent. */
export interface SentAnswer {
  readonly state: 'DELIVERED' | 'EXECUTED' | 'FAILED';
  readonly output: unknown;
  readonly error: string | undefined;
}

const MAX_ERROR_LENGTH = 1_000;
const MAX_NOTE_LENGTH = 1_000;

const answerSchema = z.object({
  state: z.enum(['DELIVERED', 'EXECUTED', 'FAILED']),
  output: z.unknown().optional(),
  error: z.unknown().optional(),
});

/** Reads an answer in JSON or CBOR. Errors: BAD_USER_INPUT, PAYLOAD_TOO_LARGE. */
export function decodeAnswer(payload: Uint8Array): SentAnswer {
  const parsed = answerSchema.safeParse(decodeMessage(payload, 'answer'));
  if (!parsed.success) {
    throw new AegisError(
      'BAD_USER_INPUT',
      'answer: expected {"state": "DELIVERED" | "EXECUTED" | "FAILED", "output"?, "error"?}, got another state.',
    );
  }
  const { state, output, error } = parsed.data;
  return { state, output, error: error == null ? undefined : toErrorText(error) };
}

/** What is to be said of an output that does not fit its schema: it is kept, as the device has done what it has done. */
export function findOutputNote(
  { state, output }: SentAnswer,
  schema: JsonSchema | null,
  schemas: SchemaChecker,
): string | undefined {
  if (state !== 'EXECUTED' || schema === null) return undefined;
  const problems = schemas.check(schema, output ?? null);
  if (problems.length === 0) return undefined;
  const told = problems.map(({ path, message }) => `${['output', ...path].join('.')} ${message}`);
  return `the output does not fit the profile: ${told.join('; ')}`.slice(0, MAX_NOTE_LENGTH);
}

function toErrorText(error: unknown): string {
  const text = typeof error === 'string' ? error : JSON.stringify(error);
  return text.slice(0, MAX_ERROR_LENGTH);
}

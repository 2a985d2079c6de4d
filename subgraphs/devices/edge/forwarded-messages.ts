import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { ERROR_CODES, type ErrorCode } from '../../../kernel/errors/codes.js';

/** A message that an edge has kept for us. */
export interface ForwardedMessage {
  /** The device's id or name. */
  readonly device: string;
  /** When it arrived at the edge, in microseconds since 1970: the time of values that bring none. */
  readonly arrivedAtUs: number;
  readonly contentType: string | undefined;
  readonly payload: Uint8Array;
}

/** What came of one message: its readings are stored, or why not. */
export type ForwardResult =
  | { readonly accepted: number; readonly repeated: number }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly retryable: boolean } };

/** The most messages of one request. */
const MAX_MESSAGES = 1_000;

const lineSchema = z.object({
  device: z.string().min(1).max(200),
  arrivedAtUs: z.number().min(0),
  contentType: z.string().max(200).optional(),
  payload: z.base64(),
});

/**
 * Reads the body of a request of an edge: a line of JSON for each message, its payload in base64.
 *
 * Errors: BAD_USER_INPUT with the first line that is none.
 */
export function readForwardedMessages(body: string): ForwardedMessage[] {
  const lines = body.split('\n').filter((line) => line.trim() !== '');
  if (lines.length > MAX_MESSAGES) {
    throw new AegisError(
      'PAYLOAD_TOO_LARGE',
      `expected at most ${MAX_MESSAGES} messages, got ${lines.length}.`,
    );
  }
  return lines.map((line, index) => {
    const { device, arrivedAtUs, contentType, payload } = readLine(line, index);
    return { device, arrivedAtUs, contentType, payload: Buffer.from(payload, 'base64') };
  });
}

function readLine(line: string, index: number): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(JSON.parse(line));
  } catch (error) {
    const rule = '{"device": "…", "arrivedAtUs": 0, "contentType": "…", "payload": "<base64>"}';
    throw new AegisError('BAD_USER_INPUT', `line ${index + 1}: expected ${rule}.`, { cause: error });
  }
}

/** What an edge is told of a message that was not taken. */
export function toForwardError(error: unknown): ForwardResult {
  const code = error instanceof AegisError ? error.code : 'UNAVAILABLE';
  const message =
    error instanceof AegisError ? error.message : 'the message could not be taken; send it again.';
  return { error: { code, message, retryable: ERROR_CODES[code].retryable } };
}

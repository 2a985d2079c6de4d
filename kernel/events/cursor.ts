import { AegisError } from '../errors/aegis-error.js';

const CURSOR = /^[a-z]{3}:\d{1,19}$/;

/** The largest number that a sequence of Postgres (bigint) reaches. */
const MAX_SEQUENCE = 2n ** 63n - 1n;

/**
 * Makes the opaque cursor of a stream from a sequence.
 *
 * @param kind three lower-case letters that name the stream, so that one stream's cursor is refused by another.
 */
export function encodeCursor(kind: string, sequence: bigint): string {
  return Buffer.from(`${kind}:${sequence}`).toString('base64url');
}

/** Reads a cursor back. Errors: BAD_USER_INPUT when it is not a cursor of this stream. */
export function decodeCursor(kind: string, cursor: string): bigint {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const sequence = CURSOR.test(text) && text.startsWith(`${kind}:`) ? BigInt(text.slice(4)) : undefined;
  // Only the text that was handed out is taken back, not every text that decodes to the same.
  if (sequence === undefined || sequence > MAX_SEQUENCE || encodeCursor(kind, sequence) !== cursor) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `after: expected the cursor of an earlier event of this stream, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
        'Leave it out to begin with the next event.',
    );
  }
  return sequence;
}

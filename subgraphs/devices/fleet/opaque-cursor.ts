import { AegisError } from '../../../kernel/errors/aegis-error.js';

/** The opaque cursor of a place in a list of a kind. */
export function writeOpaque(kind: string, place: string): string {
  return Buffer.from(`${kind}:${place}`).toString('base64url');
}

/** Reads a cursor back. Errors: BAD_USER_INPUT when it is no cursor of a list of this kind. */
export function readOpaque(kind: string, cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (text.startsWith(`${kind}:`) && !text.includes('\u0000')) return text.slice(kind.length + 1);
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page of ${kind}, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
      'Leave it out to begin at the beginning.',
  );
}

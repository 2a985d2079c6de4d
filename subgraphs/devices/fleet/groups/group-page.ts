import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { DeviceGroupModel } from '../models.js';

const PREFIX = 'group:';

/** The opaque cursor of a group in a list by name. */
export function encodeGroupCursor({ name }: DeviceGroupModel): string {
  return Buffer.from(`${PREFIX}${name}`).toString('base64url');
}

/** Reads a cursor back: the name behind which a page begins. Errors: BAD_USER_INPUT when it is none. */
export function decodeGroupCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (text.startsWith(PREFIX) && !text.includes('\u0000')) return text.slice(PREFIX.length);
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page of groups, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
      'Leave it out to begin at the beginning.',
  );
}

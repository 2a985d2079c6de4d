import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { rankOf } from './alarm.js';
import type { AlarmModel } from './models.js';
import type { AlarmListOrder, AlarmPlace } from './registry.js';

/** The opaque cursor of an alarm in a list of this order. */
export function encodeAlarmCursor(order: AlarmListOrder, { raisedAt, severity, id }: AlarmModel): string {
  return Buffer.from(JSON.stringify([order, raisedAt.getTime(), rankOf(severity), id])).toString('base64url');
}

/** Reads a cursor back. Errors: BAD_USER_INPUT when it is no cursor of a list of this order. */
export function decodeAlarmCursor(order: AlarmListOrder, cursor: string): AlarmPlace {
  const [of, raisedAtMs, severityRank, id] = parseList(Buffer.from(cursor, 'base64url').toString('utf8'));
  const raisedAt = new Date(typeof raisedAtMs === 'number' ? raisedAtMs : NaN);
  if (
    of === order &&
    !Number.isNaN(raisedAt.getTime()) &&
    Number.isInteger(severityRank) &&
    typeof id === 'string' &&
    !id.includes('\u0000')
  )
    return { raisedAt, severityRank: Number(severityRank), id };
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page in the order ${order}, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
      'Leave it out to begin at the beginning.',
  );
}

function parseList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { DeviceOrder } from './generated/schema-types.js';

/** Where a page of devices ends: the place of a device in one order. */
export interface DevicePlace {
  /** The value of the order's column. */
  readonly key: string | Date;
  readonly id: string;
}

/** The opaque cursor of a device in a list of this order. */
export function encodeDeviceCursor(order: DeviceOrder, { key, id }: DevicePlace): string {
  return Buffer.from(JSON.stringify([order, key, id])).toString('base64url');
}

/** Reads a cursor back. Errors: BAD_USER_INPUT when it is no cursor of a list of this order. */
export function decodeDeviceCursor(order: DeviceOrder, cursor: string): DevicePlace {
  const place = parsePlace(order, Buffer.from(cursor, 'base64url').toString('utf8'));
  if (place) return place;
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page in the order ${order}, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
      'Leave it out to begin at the beginning.',
  );
}

/** Whether an order goes by name, and not by an instant. */
function isByName(order: DeviceOrder): boolean {
  return order === 'NAME_ASC' || order === 'NAME_DESC';
}

function parsePlace(order: DeviceOrder, text: string): DevicePlace | undefined {
  const parts = parseStrings(text);
  const [ofOrder, key, id] = parts ?? [];
  if (parts?.length !== 3 || ofOrder !== order || key === undefined || id === undefined) return undefined;
  // Postgres takes no NUL in a text.
  if (text.includes('\\u0000')) return undefined;
  if (isByName(order)) return { key, id };
  const at = new Date(key);
  return Number.isNaN(at.getTime()) ? undefined : { key: at, id };
}

function parseStrings(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined;
  } catch {
    return undefined;
  }
}

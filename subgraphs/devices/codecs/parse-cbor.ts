import { decode, type TagDecoder } from 'cborg';
import { refusePayload } from './refuse-payload.js';

/** The deepest document that is taken: none of ours is deeper. */
const MAX_DEPTH = 16;

/** A number that is too large for a double is Infinity, and refused where values are checked. */
const toNumber = (value: unknown): number => (typeof value === 'bigint' ? Number(value) : NaN);

/**
 * The tags that are read. Source: RFC 8949, §3.4: 0 and 1 are instants, 4 and 5 fractions of tens and of twos.
 */
const TAGS: Readonly<Record<number, TagDecoder>> = {
  0: (read) => read(),
  1: (read) => toMilliseconds(read()),
  2: (read) => toBigInt(read()),
  3: (read) => -1n - toBigInt(read()),
  4: (read) => toFraction(read(), 10),
  5: (read) => toFraction(read(), 2),
};

/**
 * Reads a payload that is to be CBOR: one well-formed item, whose maps become Maps. An instant of tag 1 becomes
 * milliseconds since 1970.
 *
 * Errors: BAD_USER_INPUT.
 * Source: RFC 8949.
 */
export function parseCbor(payload: Uint8Array): unknown {
  if (payload.byteLength === 0) throw refusePayload('the payload is empty; send an item of CBOR');
  try {
    return decode(payload, { useMaps: true, tags: TAGS, rejectDuplicateMapKeys: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 100) : 'it cannot be read';
    throw refusePayload(`expected CBOR, got ${payload.byteLength} other bytes (${reason})`);
  }
}

/**
 * A document of CBOR as one of JSON would be: Maps become objects.
 *
 * Errors: BAD_USER_INPUT for keys that are no texts, and for what is too deep.
 */
export function toJsonDocument(item: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw refusePayload(`expected at most ${MAX_DEPTH} levels, got more`);
  if (Array.isArray(item)) return item.map((one) => toJsonDocument(one, depth + 1));
  if (!(item instanceof Map)) return item;
  const entries = [...(item as ReadonlyMap<unknown, unknown>)].map(([key, value]): [string, unknown] => {
    if (typeof key === 'string') return [key, toJsonDocument(value, depth + 1)];
    throw refusePayload(`expected texts as keys, got ${typeof key}`);
  });
  // Not by assignment, where a key `__proto__` would be taken for something else.
  return Object.fromEntries(entries);
}

function toMilliseconds(seconds: unknown): unknown {
  return typeof seconds === 'number' ? seconds * 1_000 : toNumber(seconds) * 1_000;
}

function toBigInt(bytes: unknown): bigint {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength > 32)
    throw new TypeError('a large number of more than 32 bytes');
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
}

function toFraction(parts: unknown, base: 2 | 10): number {
  const [exponent, mantissa] = Array.isArray(parts) ? (parts as readonly unknown[]) : [];
  const [e, m] = [exponent, mantissa].map((part) => (typeof part === 'bigint' ? Number(part) : part));
  if (typeof e !== 'number' || typeof m !== 'number')
    throw new TypeError('a fraction without its two numbers');
  // Decimal digits, so that 273.15 is the double that 273.15 is anywhere.
  return base === 10 ? Number(`${m}e${e}`) : m * 2 ** e;
}

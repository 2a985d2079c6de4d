import { decode } from 'cborg';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkJson } from './check-json.js';
import { isJsonObject, type JsonObject } from './merge-patch.js';

/** The smallest and largest first byte of a map in CBOR, and that of a tag in three bytes. Source: RFC 8949, appendix B. */
const CBOR_MAP = { first: 0xa0, last: 0xbf } as const;
const CBOR_TAG = 0xd9;

/**
 * Reads a device's message, an object in JSON or CBOR: which of them it is, its first byte tells.
 *
 * Errors: BAD_USER_INPUT, PAYLOAD_TOO_LARGE.
 *
 * @param what names the message in errors, such as `twin`.
 */
export function decodeMessage(payload: Uint8Array, what: string): JsonObject {
  const checked = checkJson(isCbor(payload) ? readCbor(payload, what) : readJson(payload, what));
  if (checked.problem !== undefined)
    throw new AegisError(
      checked.tooLarge ? 'PAYLOAD_TOO_LARGE' : 'BAD_USER_INPUT',
      `${what}: ${checked.problem}.`,
    );
  if (!isJsonObject(checked.value))
    throw new AegisError('BAD_USER_INPUT', `${what}: expected a JSON object, got another value.`);
  return checked.value;
}

function isCbor(payload: Uint8Array): boolean {
  const first = payload[0] ?? 0;
  return (first >= CBOR_MAP.first && first <= CBOR_MAP.last) || first === CBOR_TAG;
}

function readJson(payload: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    throw new AegisError('BAD_USER_INPUT', `${what}: expected a JSON object in UTF-8, got no JSON.`);
  }
}

function readCbor(payload: Uint8Array, what: string): unknown {
  try {
    return decode(payload, {
      allowBigInt: false,
      allowUndefined: false,
      rejectDuplicateMapKeys: true,
      tags: { 55_799: (read) => read() },
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it could not be read';
    throw new AegisError('BAD_USER_INPUT', `${what}: expected a map in CBOR: ${reason}.`, { cause });
  }
}

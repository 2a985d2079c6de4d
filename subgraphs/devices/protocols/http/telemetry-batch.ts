import { AegisError } from '../../../../kernel/errors/aegis-error.js';

/** One of several messages that came in one request. */
export interface BatchItem {
  /** The device's id or name. */
  readonly device: string;
  /** Our JSON telemetry. */
  readonly telemetry: unknown;
}

/** The most messages of one batch. */
const MAX_ITEMS = 1_000;

/** Reads `[{"device": …, "telemetry": …}, …]`. Errors: BAD_USER_INPUT, PAYLOAD_TOO_LARGE. */
export function parseBatch(body: Uint8Array): readonly unknown[] {
  const items = parseJson(body);
  if (!Array.isArray(items) || items.length === 0) throw malformed('a list of them');
  if (items.length <= MAX_ITEMS) return items;
  throw new AegisError(
    'PAYLOAD_TOO_LARGE',
    `expected at most ${MAX_ITEMS} messages, got ${items.length}; send them in several requests, or as a stream.`,
  );
}

/** Reads one of them. Errors: BAD_USER_INPUT. */
export function parseItem(item: unknown): BatchItem {
  if (typeof item !== 'object' || item === null || !('device' in item) || !('telemetry' in item))
    throw malformed();
  const { device, telemetry } = item;
  if (typeof device !== 'string') throw malformed();
  return { device, telemetry };
}

/** Reads JSON. Errors: BAD_USER_INPUT. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    throw new AegisError('BAD_USER_INPUT', 'expected JSON.');
  }
}

function malformed(what = 'it'): AegisError {
  return new AegisError('BAD_USER_INPUT', `expected {"device": "<id or name>", "telemetry": …}, or ${what}.`);
}

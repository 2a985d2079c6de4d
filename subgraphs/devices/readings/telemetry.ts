import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { RawReading } from '../codecs/codec.js';
import { describeValue as describe, quote } from './describe-value.js';
import { parseInstantUs } from './instant.js';
import { isQuality } from './quality.js';

/** The most entries in one payload that is a list. */
const MAX_ENTRIES = 1_000;

/** What an entry says of all its values. */
type EntryTraits = Pick<RawReading, 'measuredAtUs' | 'quality' | 'sequence'>;

const TRAITS: ReadonlySet<string> = new Set(['ts', 'sequence', 'quality', 'values']);

/**
 * Decodes one telemetry payload: JSON, either `{"<metric>": number, …}`, or `{"values": {"<metric>": number, …}}` with
 * any of `"ts": <epoch milliseconds or RFC 3339>`, `"sequence": <the device's own count>` and `"quality": <a word>`, or a
 * list of at most 1000 of these.
 *
 * Errors: BAD_USER_INPUT or PAYLOAD_TOO_LARGE for the whole payload when anything in it is not right.
 */
export function decodeTelemetry(payload: Uint8Array): RawReading[] {
  const document = parseJson(payload);
  if (!Array.isArray(document)) return decodeEntry(document, '', []);
  const entries: unknown[] = document;
  if (entries.length === 0) throw refuse('the list is empty; send at least one object of metrics and values');
  if (entries.length > MAX_ENTRIES) {
    throw new AegisError(
      'PAYLOAD_TOO_LARGE',
      `telemetry: ${entries.length} entries, where at most ${MAX_ENTRIES} are accepted; send them in several messages.`,
    );
  }
  const readings: RawReading[] = [];
  for (const [index, entry] of entries.entries()) decodeEntry(entry, `entry ${index}: `, readings);
  return readings;
}

/** Adds the values of an entry to the readings. `where` names the entry in messages. */
function decodeEntry(entry: unknown, where: string, readings: RawReading[]): RawReading[] {
  if (!isObject(entry))
    throw refuse(`${where}expected an object of metrics and values, got ${describe(entry)}`);
  const timed = isObject(entry['values']) ? entry['values'] : undefined;
  const traits = timed ? readTraits(entry, where) : undefined;
  const values = Object.entries(timed ?? entry);
  if (values.length === 0)
    throw refuse(`${where}there is no value in it; send at least one metric with a number`);
  for (const [metric, value] of values) {
    if (!isValue(value))
      throw refuse(`${where}${quote(metric)}: expected a finite number, got ${describe(value)}`);
    readings.push(traits ? { metric, value, ...traits } : { metric, value });
  }
  return readings;
}

function readTraits(entry: Readonly<Record<string, unknown>>, where: string): EntryTraits {
  const other = Object.keys(entry).find((key) => !TRAITS.has(key));
  if (other !== undefined) {
    throw refuse(
      `${where}expected nothing but "ts", "sequence" and "quality" beside "values", got ${quote(other)}`,
    );
  }
  return {
    ...('ts' in entry ? { measuredAtUs: readTime(entry['ts'], where) } : {}),
    ...('sequence' in entry ? { sequence: readSequence(entry['sequence'], where) } : {}),
    ...('quality' in entry ? { quality: readQuality(entry['quality'], where) } : {}),
  };
}

/** Reads a time of measurement, in microseconds. */
function readTime(ts: unknown, where: string): number {
  const atUs = typeof ts === 'string' ? parseInstantUs(ts) : toMicroseconds(ts);
  if (atUs !== undefined) return atUs;
  throw refuse(
    `${where}ts: expected milliseconds since 1970 as a number or an RFC 3339 instant with an offset, got ${describe(ts)}`,
  );
}

function toMicroseconds(ts: unknown): number | undefined {
  return typeof ts === 'number' && Number.isFinite(ts) ? Math.floor(ts * 1_000) : undefined;
}

function readSequence(sequence: unknown, where: string): bigint {
  if (typeof sequence === 'number' && Number.isSafeInteger(sequence)) return BigInt(sequence);
  if (typeof sequence === 'string' && /^-?\d{1,19}$/.test(sequence)) return BigInt(sequence);
  throw refuse(
    `${where}sequence: expected a whole number, as a text where it is larger than 2^53, got ${describe(sequence)}`,
  );
}

function readQuality(quality: unknown, where: string) {
  if (isQuality(quality)) return quality;
  throw refuse(
    `${where}quality: expected GOOD, UNCERTAIN, BAD, STALE or SIMULATED, got ${describe(quality)}`,
  );
}

function parseJson(payload: Uint8Array): unknown {
  if (payload.byteLength === 0)
    throw refuse('the payload is empty; send a JSON object of metrics and values');
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(`expected JSON, got ${JSON.stringify(text.slice(0, 64))}`);
  }
}

function isValue(value: unknown): value is RawReading['value'] {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', `telemetry: ${message}.`);
}

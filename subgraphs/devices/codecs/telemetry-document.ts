import { describeValue as describe, quote } from '../readings/describe-value.js';
import { parseInstantUs } from '../readings/instant.js';
import { isQuality } from '../readings/quality.js';
import type { Quality, RawReading } from './codec.js';
import { MAX_ENTRIES, refuseMany, refusePayload as refuse } from './refuse-payload.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** What an entry says of its values; the functions are asked for each of them. */
interface EntryTraits {
  readonly ofAll: Pick<RawReading, 'measuredAtUs' | 'sequence' | 'boot'>;
  readonly qualityOf: (metric: string) => Quality | undefined;
  readonly unitOf: (metric: string) => string | undefined;
}

const TRAITS: ReadonlySet<string> = new Set(['ts', 'sequence', 'boot', 'quality', 'units', 'values']);
const MAX_UNIT = 64;
const MAX_BOOT = 64;

/**
 * Reads telemetry in our own form, of JSON, CBOR or what a mapping gives: either `{"<metric>": value, …}`, or
 * `{"values": {"<metric>": value, …}}` with any of
 *
 * - `"ts"`: when all of them were measured, in milliseconds since 1970 or as RFC 3339;
 * - `"sequence"`: the device's own count, a whole number, as a text where it is larger than 2^53;
 * - `"boot"`: which start of the device that count belongs to, a whole number or a text of 1 to 64 characters;
 * - `"quality"`: a word for all of them, or `{"<metric>": word, …}`;
 * - `"units"`: `{"<metric>": UCUM code, …}` for those that are not in the unit of their declaration;
 *
 * or a list of at most 1000 of these. A value is a number, a boolean or a text.
 *
 * Errors: BAD_USER_INPUT or PAYLOAD_TOO_LARGE for the whole document when anything in it is not right.
 */
export function readTelemetryDocument(document: unknown): RawReading[] {
  if (!Array.isArray(document)) return readEntry(document, '', []);
  const entries: unknown[] = document;
  if (entries.length === 0) throw refuse('the list is empty; send at least one object of metrics and values');
  if (entries.length > MAX_ENTRIES) throw refuseMany(entries.length);
  const readings: RawReading[] = [];
  for (const [index, entry] of entries.entries()) readEntry(entry, `entry ${index}: `, readings);
  return readings;
}

/** Adds the values of an entry to the readings. `where` names the entry in messages. */
function readEntry(entry: unknown, where: string, readings: RawReading[]): RawReading[] {
  if (!isObject(entry))
    throw refuse(`${where}expected an object of metrics and values, got ${describe(entry)}`);
  const timed = isObject(entry['values']) ? entry['values'] : undefined;
  const values = Object.entries(timed ?? entry);
  const traits = timed ? readTraits(entry, timed, where) : undefined;
  if (values.length === 0)
    throw refuse(`${where}there is no value in it; send at least one metric with a number`);
  for (const [metric, given] of values) {
    // CBOR has whole numbers of 64 bits; a reading is a double.
    const value = typeof given === 'bigint' ? Number(given) : given;
    if (!isValue(value))
      throw refuse(`${where}${quote(metric)}: expected a finite number, got ${describe(value)}`);
    readings.push(traits ? withTraits(metric, value, traits) : { metric, value });
  }
  return readings;
}

function withTraits(
  metric: string,
  value: RawReading['value'],
  { ofAll, qualityOf, unitOf }: EntryTraits,
): RawReading {
  const quality = qualityOf(metric);
  const unit = unitOf(metric);
  return {
    metric,
    value,
    ...ofAll,
    ...(quality === undefined ? {} : { quality }),
    ...(unit === undefined ? {} : { unit }),
  };
}

function readTraits(entry: JsonObject, values: JsonObject, where: string): EntryTraits {
  const other = Object.keys(entry).find((key) => !TRAITS.has(key));
  if (other !== undefined) {
    throw refuse(
      `${where}expected nothing but "ts", "sequence", "boot", "quality" and "units" beside "values", got ${quote(other)}`,
    );
  }
  const { ts, sequence, boot, quality, units } = entry;
  return {
    ofAll: {
      ...('ts' in entry ? { measuredAtUs: readTime(ts, where) } : {}),
      ...('sequence' in entry ? { sequence: readSequence(sequence, where) } : {}),
      ...('boot' in entry ? { boot: readBoot(boot, where) } : {}),
    },
    qualityOf: 'quality' in entry ? readQualities(quality, values, where) : () => undefined,
    unitOf: 'units' in entry ? readUnits(units, values, where) : () => undefined,
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
  if (typeof ts === 'bigint') return Number(ts) * 1_000;
  return typeof ts === 'number' && Number.isFinite(ts) ? Math.floor(ts * 1_000) : undefined;
}

function readSequence(sequence: unknown, where: string): bigint {
  if (typeof sequence === 'bigint') return sequence;
  if (typeof sequence === 'number' && Number.isSafeInteger(sequence)) return BigInt(sequence);
  if (typeof sequence === 'string' && /^-?\d{1,19}$/.test(sequence)) return BigInt(sequence);
  throw refuse(
    `${where}sequence: expected a whole number, as a text where it is larger than 2^53, got ${describe(sequence)}`,
  );
}

function readBoot(boot: unknown, where: string): string {
  if (typeof boot === 'bigint' || (typeof boot === 'number' && Number.isSafeInteger(boot)))
    return String(boot);
  // A text of Postgres has no NUL.
  if (typeof boot === 'string' && boot !== '' && boot.length <= MAX_BOOT && !boot.includes('\0')) return boot;
  throw refuse(
    `${where}boot: expected a whole number or a text of 1 to ${MAX_BOOT} characters, got ${describe(boot)}`,
  );
}

function readQualities(quality: unknown, values: JsonObject, where: string): EntryTraits['qualityOf'] {
  if (isQuality(quality)) return () => quality;
  const byMetric = readByMetric('quality', quality, values, where);
  return (metric) => {
    if (!Object.hasOwn(byMetric, metric)) return undefined;
    const word = byMetric[metric];
    if (isQuality(word)) return word;
    throw notAQuality(word, where);
  };
}

function readUnits(units: unknown, values: JsonObject, where: string): EntryTraits['unitOf'] {
  const byMetric = readByMetric('units', units, values, where);
  return (metric) => {
    if (!Object.hasOwn(byMetric, metric)) return undefined;
    const unit = byMetric[metric];
    if (typeof unit === 'string' && unit.length <= MAX_UNIT) return unit;
    throw refuse(`${where}units: ${quote(metric)}: expected a UCUM code, got ${describe(unit)}`);
  };
}

/** Something that is told by metric: of those that there is a value of. */
function readByMetric(field: string, given: unknown, values: JsonObject, where: string): JsonObject {
  if (!isObject(given)) {
    if (field === 'quality') throw notAQuality(given, where);
    throw refuse(`${where}${field}: expected an object by metric, got ${describe(given)}`);
  }
  const other = Object.keys(given).find((metric) => !Object.hasOwn(values, metric));
  if (other === undefined) return given;
  throw refuse(`${where}${field}: expected metrics that there is a value of, got ${quote(other)}`);
}

function notAQuality(quality: unknown, where: string) {
  return refuse(
    `${where}quality: expected GOOD, UNCERTAIN, BAD, STALE or SIMULATED, got ${describe(quality)}`,
  );
}

function isValue(value: unknown): value is RawReading['value'] {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { ArrivalClock } from './arrival-clock.js';
import { parseInstantUs } from './instant.js';
import { MAX_READINGS_PER_COMMIT, type NewReading } from './new-reading.js';

/** A metric as a device declares it: its unit and the range in which a value is plausible. */
export interface DeclaredMetric {
  readonly unit: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
}

export interface DecodeOptions {
  /** The device's metrics by name. */
  readonly metrics: ReadonlyMap<string, DeclaredMetric>;
  /** Gives values that bring no time of their own the time of their arrival. */
  readonly clock: ArrivalClock;
  /** How far a time may lie behind the arrival, in seconds. */
  readonly maxClockAheadSeconds: number;
}

/** The most entries in one payload that is a list. */
const MAX_ENTRIES = 1_000;
const EARLIEST_US = Date.UTC(2000, 0, 1) * 1_000;

/**
 * Decodes one telemetry payload and checks every value in it: JSON, either `{"<metric>": number, …}`, or
 * `{"ts": <epoch milliseconds or RFC 3339>, "values": {"<metric>": number, …}}`, or a list of at most 1000 of these.
 *
 * Errors: BAD_USER_INPUT or PAYLOAD_TOO_LARGE for the whole payload when anything in it is not right.
 */
export function decodeTelemetry(payload: Uint8Array, options: DecodeOptions): NewReading[] {
  const document = parseJson(payload);
  const entries: unknown[] = Array.isArray(document) ? document : [document];
  if (entries.length === 0) throw refuse('the list is empty; send at least one object of metrics and values');
  if (entries.length > MAX_ENTRIES) {
    throw tooLarge(
      `${entries.length} entries, where at most ${MAX_ENTRIES} are accepted; send them in several messages`,
    );
  }
  const readings: NewReading[] = [];
  for (const [index, entry] of entries.entries()) {
    const where = Array.isArray(document) ? `entry ${index}: ` : '';
    decodeEntry(entry, { ...options, where, readings });
    if (readings.length > MAX_READINGS_PER_COMMIT) {
      throw tooLarge(`more than ${MAX_READINGS_PER_COMMIT} values in one message; send them in several`);
    }
  }
  return readings;
}

interface EntryOptions extends DecodeOptions {
  /** Names the entry in messages. */
  readonly where: string;
  /** Takes the decoded values. */
  readonly readings: NewReading[];
}

function decodeEntry(entry: unknown, options: EntryOptions): void {
  const { where, readings, clock } = options;
  if (!isObject(entry))
    throw refuse(`${where}expected an object of metrics and values, got ${describe(entry)}`);
  const arrivedAtUs = clock();
  const timed = isObject(entry['values']) ? entry['values'] : undefined;
  if (timed) refuseOtherFields(entry, where);
  const hasTime = timed !== undefined && Object.hasOwn(entry, 'ts');
  const measuredAtUs = hasTime ? checkTime(entry['ts'], arrivedAtUs, options) : arrivedAtUs;
  const values = Object.entries(timed ?? entry);
  if (values.length === 0)
    throw refuse(`${where}there is no value in it; send at least one metric with a number`);
  for (const [metric, value] of values) {
    const { unit, checked } = checkValue(metric, value, options);
    readings.push({ metric, unit, value: checked, measuredAtUs });
  }
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

function refuseOtherFields(entry: Readonly<Record<string, unknown>>, where: string): void {
  const other = Object.keys(entry).find((key) => key !== 'ts' && key !== 'values');
  if (other === undefined) return;
  throw refuse(`${where}expected nothing but "ts" and "values" beside "values", got ${quote(other)}`);
}

/** Checks a time of measurement and converts it to microseconds. */
function checkTime(ts: unknown, arrivedAtUs: number, { where, maxClockAheadSeconds }: EntryOptions): number {
  const atUs = parseTime(ts);
  if (atUs === undefined) {
    throw refuse(
      `${where}ts: expected milliseconds since 1970 as a number or an RFC 3339 instant with an offset, got ${describe(ts)}`,
    );
  }
  if (atUs < EARLIEST_US) throw refuse(`${where}ts: expected a time after 2000-01-01, got ${describe(ts)}`);
  if (atUs > arrivedAtUs + maxClockAheadSeconds * 1_000_000) {
    throw refuse(
      `${where}ts: ${describe(ts)} is more than ${maxClockAheadSeconds} s ahead of the time here, ` +
        `${new Date(arrivedAtUs / 1_000).toISOString()}; set the device's clock`,
    );
  }
  return atUs;
}

function parseTime(ts: unknown): number | undefined {
  if (typeof ts === 'string') return parseInstantUs(ts);
  return typeof ts === 'number' && Number.isFinite(ts) ? Math.floor(ts * 1_000) : undefined;
}

function checkValue(
  metric: string,
  value: unknown,
  { metrics, where }: EntryOptions,
): { readonly unit: string; readonly checked: number } {
  const declared = metrics.get(metric);
  if (!declared)
    throw refuse(`${where}${quote(metric)} is not a metric of the device; declared are ${list(metrics)}`);
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw refuse(`${where}${quote(metric)}: expected a finite number, got ${describe(value)}`);
  }
  const { unit, minimum, maximum } = declared;
  if (minimum !== null && value < minimum) {
    throw refuse(
      `${where}${quote(metric)}: ${value} ${unit} is below the declared minimum of ${minimum} ${unit}`,
    );
  }
  if (maximum !== null && value > maximum) {
    throw refuse(
      `${where}${quote(metric)}: ${value} ${unit} is above the declared maximum of ${maximum} ${unit}`,
    );
  }
  return { unit, checked: value };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** At most twenty of the declared names: a device may declare 256. */
function list(metrics: ReadonlyMap<string, DeclaredMetric>): string {
  const names = [...metrics.keys()];
  return names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}

function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (Array.isArray(value)) return 'a list';
  return value === undefined ? 'nothing' : 'an object';
}

function refuse(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', `telemetry: ${message}.`);
}

function tooLarge(message: string): AegisError {
  return new AegisError('PAYLOAD_TOO_LARGE', `telemetry: ${message}.`);
}

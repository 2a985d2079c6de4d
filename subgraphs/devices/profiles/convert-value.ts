import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { RawReading } from '../codecs/codec.js';
import type { ConvertValue } from '../readings/check-readings.js';
import { describeValue, quote } from '../readings/describe-value.js';
import type { KnownMetric } from '../readings/known-devices.js';
import type { PropertyType } from './profile.js';
import type { Units } from './units.js';

/** What devices say for 0 and 1, in lower case. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ...['false', 'off', 'no', '0', 'inactive', 'disabled'].map((word) => [word, 0] as const),
  ...['true', 'on', 'yes', '1', 'active', 'enabled'].map((word) => [word, 1] as const),
]);

/**
 * Makes the step between a value as it came and one in the unit of its metric: converted to the metric's unit where it
 * came in another one, then calibrated (gain × value + offset), and a word or a yes or no made its number. A value of a
 * metric that is neither calibrated nor of another type costs nothing more than before.
 *
 * Errors: BAD_USER_INPUT for what is no value of the metric's type, and for units that do not convert.
 */
export function createValueConversion(units: Pick<Units, 'conversion'>): ConvertValue<KnownMetric> {
  return (raw, declared) => {
    // The usual case first: it is what most readings are.
    if (raw.unit === undefined && isPlain(declared) && Number.isFinite(raw.value)) return raw.value as number;
    const { type = 'NUMBER' } = declared;
    if (type === 'STATE') return toState(raw, declared.states ?? []);
    if (type === 'BOOLEAN') return toBoolean(raw);
    return checkResult(toNumber(raw, declared), { metric: raw.metric, type });
  };

  function toNumber({ metric, value, unit }: RawReading, { unit: to, calibration }: KnownMetric): number {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw refuse(`${quote(metric)}: expected a finite number, got ${describeValue(value)}`);
    const inUnit = unit === undefined || unit === to ? value : convert(value, unit, { metric, to });
    return calibration ? calibration.gain * inUnit + calibration.offset : inUnit;
  }

  function convert(value: number, from: string, { metric, to }: { metric: string; to: string }): number {
    const conversion = units.conversion(from, to);
    if (conversion) return conversion.apply(value);
    throw refuse(`${quote(metric)}: expected ${to}, or a UCUM unit that converts to it, got ${quote(from)}`);
  }
}

/** Whether its values are taken as they are. */
function isPlain({ type, calibration }: KnownMetric): boolean {
  if (type !== undefined && type !== 'NUMBER') return false;
  return calibration === undefined || (calibration.gain === 1 && calibration.offset === 0);
}

function checkResult(value: number, { metric, type }: { metric: string; type: PropertyType }): number {
  if (type === 'INTEGER') return toInteger(value, metric);
  if (Number.isFinite(value)) return value;
  throw refuse(`${quote(metric)}: expected a value that is finite after its conversion, got ${value}`);
}

/** What a conversion has added in the last digits is no fraction. */
function toInteger(value: number, metric: string): number {
  const whole = Math.round(value);
  if (Number.isFinite(value) && Math.abs(value - whole) <= 1e-9 * Math.max(1, Math.abs(value))) return whole;
  throw refuse(`${quote(metric)}: expected a whole number, got ${value}`);
}

function toBoolean({ metric, value }: RawReading): number {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const number = typeof value === 'number' ? value : WORDS.get(value.trim().toLowerCase());
  if (number === 0 || number === 1) return number;
  throw refuse(`${quote(metric)}: expected true or false, got ${describeValue(value)}`);
}

/** The name of a state, in the case that it is declared in or else in any, or its number. */
function toState({ metric, value }: RawReading, states: readonly string[]): number {
  const number = typeof value === 'string' ? findState(value, states) : Number(value);
  if (Number.isInteger(number) && number >= 0 && number < states.length) return number;
  throw refuse(
    `${quote(metric)}: expected one of the states ${states.slice(0, 20).join(', ')}, got ${describeValue(value)}`,
  );
}

function findState(text: string, states: readonly string[]): number {
  const exact = states.indexOf(text);
  if (exact >= 0) return exact;
  const wanted = text.toLowerCase();
  const similar = states.findIndex((state) => state.toLowerCase() === wanted);
  if (similar >= 0) return similar;
  return /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

function refuse(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', `telemetry: ${message}.`);
}

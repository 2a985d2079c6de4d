import type { UserError } from '../generated/schema-types.js';
import { isMetricName, METRIC_NAME_RULE } from '../metric-name.js';
import type { PropertyType } from './profile.js';
import type { Units } from './units.js';

/** A quantity as it was sent: a metric of a device, or a property of a profile. */
export interface MetricInput {
  readonly name: string;
  readonly unit?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly minimum?: number | null | undefined;
  readonly maximum?: number | null | undefined;
  readonly type?: PropertyType | null | undefined;
  readonly resolution?: number | null | undefined;
  readonly states?: readonly string[] | null | undefined;
  readonly calibration?: CalibrationInput | null | undefined;
  readonly writable?: boolean | null | undefined;
}

/** A calibration as it was sent. */
export interface CalibrationInput {
  readonly gain?: number | null | undefined;
  readonly offset?: number | null | undefined;
}

const MAX_DESCRIPTION = 1_000;
const MAX_STATES = 64;
const MAX_STATE_NAME = 63;

/** Checks a quantity that is to be declared, and tells everything that is wrong with it. */
export function checkMetric(metric: MetricInput, path: string[], units: Units): UserError[] {
  return [
    ...checkDescription(metric.description, [...path, 'description']),
    ...checkName(metric.name, path),
    ...checkUnit(metric, path, units),
    ...checkBounds(metric, path),
    ...checkStates(metric, path),
    ...checkCalibration(metric, [...path, 'calibration']),
  ];
}

/** Checks a text for people. */
export function checkDescription(description: string | null | undefined, path: string[]): UserError[] {
  if (description == null || (description.length <= MAX_DESCRIPTION && !description.includes('\u0000')))
    return [];
  return [
    refuse(path, `Expected at most ${MAX_DESCRIPTION} characters without NUL, got ${description.length}.`),
  ];
}

/** Checks a calibration of a metric. States are not calibrated. */
export function checkCalibration(
  { type, calibration }: Pick<MetricInput, 'type' | 'calibration'>,
  path: string[],
): UserError[] {
  if (calibration == null) return [];
  const { gain, offset } = { gain: calibration.gain ?? 1, offset: calibration.offset ?? 0 };
  if ((type === 'STATE' || type === 'BOOLEAN') && (gain !== 1 || offset !== 0)) {
    return [refuse(path, `Expected no calibration, as a ${type} has none.`)];
  }
  return [
    ...(Number.isFinite(gain) && gain !== 0
      ? []
      : [refuse([...path, 'gain'], `Expected a finite number that is not 0, got ${gain}.`)]),
    ...(Number.isFinite(offset)
      ? []
      : [refuse([...path, 'offset'], `Expected a finite number, got ${offset}.`)]),
  ];
}

function checkName(name: string, path: string[]): UserError[] {
  if (isMetricName(name)) return [];
  return [refuse([...path, 'name'], `Expected ${METRIC_NAME_RULE}, got ${quote(name)}.`)];
}

function checkUnit({ unit, type }: MetricInput, path: string[], units: Units): UserError[] {
  if (unit == null) return [];
  if ((type === 'STATE' || type === 'BOOLEAN') && unit !== '1') {
    return [refuse([...path, 'unit'], `Expected \`1\`, the unit of a ${type}, got ${quote(unit)}.`)];
  }
  const fault = units.findFault(unit);
  if (fault === undefined) return [];
  const rule = 'a UCUM code (https://ucum.org) such as `Cel`, `kW.h` or `m/s`, or `1` for a plain number';
  return [
    refuse([...path, 'unit'], `Expected ${rule}, got ${quote(unit)}: ${fault}`.replace(/[.?]?$/, endOf)),
  ];
}

/** A sentence of ours ends with a point, unless it asks. */
function endOf(end: string): string {
  return end === '?' ? '?' : '.';
}

function checkBounds({ minimum, maximum, resolution }: MetricInput, path: string[]): UserError[] {
  const errors: UserError[] = [];
  if (minimum != null && maximum != null && minimum > maximum) {
    errors.push(refuse([...path, 'minimum'], `Expected at most the maximum of ${maximum}, got ${minimum}.`));
  }
  for (const [field, bound] of [['minimum', minimum] as const, ['maximum', maximum] as const]) {
    if (bound == null || Number.isFinite(bound)) continue;
    errors.push(refuse([...path, field], `Expected a finite number, got ${String(bound)}.`));
  }
  if (resolution != null && !(resolution > 0 && Number.isFinite(resolution))) {
    errors.push(refuse([...path, 'resolution'], `Expected a number above 0, got ${resolution}.`));
  }
  return errors;
}

function checkStates({ type, states }: MetricInput, path: string[]): UserError[] {
  const names = states ?? [];
  const where = [...path, 'states'];
  if (type !== 'STATE') {
    return names.length === 0
      ? []
      : [refuse(where, `Expected none, as only a STATE has them, got ${names.length}; set its type.`)];
  }
  if (names.length < 2 || names.length > MAX_STATES) {
    return [refuse(where, `Expected 2 to ${MAX_STATES} names of states, got ${names.length}.`)];
  }
  const wrong = names.find(
    (name) => name.length < 1 || name.length > MAX_STATE_NAME || name.includes('\u0000'),
  );
  if (wrong !== undefined) {
    return [
      refuse(where, `Expected names of 1 to ${MAX_STATE_NAME} characters without NUL, got ${quote(wrong)}.`),
    ];
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? [] : [refuse(where, `Expected each name once, got ${quote(twice)} again.`)];
}

function refuse(path: string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

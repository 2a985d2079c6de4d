import type { UserError } from './generated/schema-types.js';

/** A quantity as it is to be declared. */
export interface MetricDeclaration {
  readonly name: string;
  readonly unit: string;
  readonly description: string | null;
  readonly minimum: number | null;
  readonly maximum: number | null;
}

/** A quantity as it was sent. */
export interface MetricInput {
  readonly name: string;
  readonly unit: string;
  readonly description?: string | null | undefined;
  readonly minimum?: number | null | undefined;
  readonly maximum?: number | null | undefined;
}

/** A device as it was sent; what is undefined or null is left as it is. */
export interface DeviceInput {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metrics?: readonly MetricInput[] | null | undefined;
}

const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** What ids look like: a device of such a name would be taken for the one with that id. */
const DEVICE_ID = /^dev_[0-9a-f]{32}$/;
const METRIC_NAME = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;
/** The characters that a UCUM code may consist of. Source: The Unified Code for Units of Measure, §3. */
const UNIT = /^[!-~]{1,64}$/;
/** The most metrics of one device. */
export const MAX_METRICS = 256;
const MAX_DESCRIPTION = 1_000;

/** Checks a device that is to be registered or changed, and tells everything that is wrong with it. */
export function checkDeviceInput({ name, description, metrics }: DeviceInput): UserError[] {
  return [
    ...(name == null ? [] : checkDeviceName(name)),
    ...checkDescription(description, ['description']),
    ...(metrics == null ? [] : checkMetrics(metrics)),
  ];
}

/** Whether a metric can have this name at all. */
export function isMetricName(name: string): boolean {
  return METRIC_NAME.test(name);
}

/** A metric that has been checked, with what was left out as null. */
export function toDeclaration({ name, unit, description, minimum, maximum }: MetricInput): MetricDeclaration {
  return { name, unit, description: description ?? null, minimum: minimum ?? null, maximum: maximum ?? null };
}

/** The refusal of a name that another device has. */
export function nameTaken(name: string): UserError {
  return {
    code: 'CONFLICT',
    message: `There already is a device named ${quote(name)}; choose another name, or update that device.`,
    path: ['name'],
  };
}

/** The refusal of an id that no device has. */
export function noSuchDevice(id: string): UserError {
  return {
    code: 'NOT_FOUND',
    message: `There is no device ${quote(id)}; it may have been removed.`,
    path: ['id'],
  };
}

function checkDeviceName(name: string): UserError[] {
  if (!DEVICE_NAME.test(name)) {
    const rule = '1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit';
    return [refuse(['name'], `Expected ${rule}, got ${quote(name)}.`)];
  }
  return DEVICE_ID.test(name)
    ? [refuse(['name'], `Expected a name, got ${quote(name)}, which looks like an id.`)]
    : [];
}

function checkMetrics(metrics: readonly MetricInput[]): UserError[] {
  if (metrics.length < 1 || metrics.length > MAX_METRICS) {
    return [refuse(['metrics'], `Expected 1 to ${MAX_METRICS} metrics, got ${metrics.length}.`)];
  }
  const places = new Map<string, number>();
  return metrics.flatMap((metric, index) => {
    const first = places.get(metric.name);
    if (first === undefined) places.set(metric.name, index);
    const path = ['metrics', String(index)];
    const errors = checkMetric(metric, path);
    if (first !== undefined) {
      const message = `Expected a name that no other metric of the device has, but metric ${first} is named so as well.`;
      errors.push(refuse([...path, 'name'], message));
    }
    return errors;
  });
}

function checkMetric(
  { name, unit, description, minimum, maximum }: MetricInput,
  path: string[],
): UserError[] {
  const errors = checkDescription(description, [...path, 'description']);
  if (!isMetricName(name)) {
    const rule = '1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter';
    errors.push(refuse([...path, 'name'], `Expected ${rule}, got ${quote(name)}.`));
  }
  if (!UNIT.test(unit)) {
    const rule =
      'a UCUM code of 1 to 64 printable characters without spaces, such as `Cel`, or `1` for a plain number';
    errors.push(refuse([...path, 'unit'], `Expected ${rule}, got ${quote(unit)}.`));
  }
  if (minimum != null && maximum != null && minimum > maximum) {
    errors.push(refuse([...path, 'minimum'], `Expected at most the maximum of ${maximum}, got ${minimum}.`));
  }
  for (const [field, bound] of [['minimum', minimum] as const, ['maximum', maximum] as const]) {
    if (bound == null || Number.isFinite(bound)) continue;
    errors.push(refuse([...path, field], `Expected a finite number, got ${String(bound)}.`));
  }
  return errors;
}

function checkDescription(description: string | null | undefined, path: string[]): UserError[] {
  if (description == null || (description.length <= MAX_DESCRIPTION && !description.includes('\u0000')))
    return [];
  return [
    refuse(path, `Expected at most ${MAX_DESCRIPTION} characters without NUL, got ${description.length}.`),
  ];
}

function refuse(path: string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

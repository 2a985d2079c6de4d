import { checkLabels, type LabelInput } from './fleet/labels.js';
import type { UserError } from './generated/schema-types.js';
import { MAX_METRICS } from './metric-name.js';
import { checkDescription, checkMetric, type MetricInput } from './profiles/check-metric.js';
import type { ProfileProperty } from './profiles/profile.js';
import type { Units } from './profiles/units.js';

/** A quantity as a device declares it: one of its profile's properties, or one of its own. */
export interface MetricDeclaration extends ProfileProperty {
  readonly calibration: ProfileProperty['calibration'] & {
    /** When the device itself was calibrated; null for the calibration of its declaration. */
    readonly calibratedAt: Date | null;
  };
  readonly fromProfile: boolean;
}

/** A device as it was sent; what is undefined or null is left as it is. */
export interface DeviceInput {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metrics?: readonly MetricInput[] | null | undefined;
  readonly labels?: readonly LabelInput[] | null | undefined;
}

const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** What ids look like: a device of such a name would be taken for the one with that id. */
const DEVICE_ID = /^dev_[0-9a-f]{32}$/;
/** Checks a device that is to be registered or changed, and tells everything that is wrong with it. */
export function checkDeviceInput(
  { name, description, metrics, labels }: DeviceInput,
  units: Units,
): UserError[] {
  return [
    ...(name == null ? [] : checkDeviceName(name)),
    ...checkDescription(description, ['description']),
    ...(metrics == null ? [] : checkMetrics(metrics, units)),
    ...(labels == null ? [] : checkLabels(labels, ['labels'])),
  ];
}

/** A metric of a device's own that has been checked, with what was left out filled in. */
export function toDeclaration(metric: MetricInput): MetricDeclaration {
  const { name, description = null, type, unit, minimum = null, maximum = null, resolution = null } = metric;
  const { gain, offset } = metric.calibration ?? {};
  return {
    ...{ name, description, minimum, maximum, resolution },
    type: type ?? 'NUMBER',
    unit: unit ?? '1',
    states: metric.states ?? [],
    calibration: { gain: gain ?? 1, offset: offset ?? 0, calibratedAt: null },
    writable: metric.writable ?? false,
    fromProfile: false,
  };
}

/** The metrics that a device has of its profile. */
export function toDeclarations(properties: readonly ProfileProperty[]): MetricDeclaration[] {
  return properties.map((property) => ({
    ...property,
    calibration: { ...property.calibration, calibratedAt: null },
    fromProfile: true,
  }));
}

/** Tells of metrics of a device's own that its profile has already, of too many, and of none. */
export function checkTogether(
  own: readonly { name: string }[],
  ofProfile: readonly { name: string }[],
): UserError[] {
  const taken = new Set(ofProfile.map(({ name }) => name));
  const errors = own.flatMap(({ name }, index) =>
    taken.has(name)
      ? [
          refuse(
            ['metrics', String(index), 'name'],
            `Expected a name that the profile does not have, got ${quote(name)}.`,
          ),
        ]
      : [],
  );
  const count = own.length + ofProfile.length;
  if (count >= 1 && count <= MAX_METRICS) return errors;
  const message = `Expected 1 to ${MAX_METRICS} metrics, those of the profile included, got ${count}.`;
  return [...errors, refuse(['metrics'], message)];
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

/** Tells what is wrong with the name of a device, or of a group of devices. */
export function checkDeviceName(name: string): UserError[] {
  if (!DEVICE_NAME.test(name)) {
    const rule = '1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit';
    return [refuse(['name'], `Expected ${rule}, got ${quote(name)}.`)];
  }
  return DEVICE_ID.test(name)
    ? [refuse(['name'], `Expected a name, got ${quote(name)}, which looks like an id.`)]
    : [];
}

function checkMetrics(metrics: readonly MetricInput[], units: Units): UserError[] {
  if (metrics.length > MAX_METRICS) {
    return [refuse(['metrics'], `Expected at most ${MAX_METRICS} metrics, got ${metrics.length}.`)];
  }
  const places = new Map<string, number>();
  return metrics.flatMap((metric, index) => {
    const first = places.get(metric.name);
    if (first === undefined) places.set(metric.name, index);
    const path = ['metrics', String(index)];
    const errors = checkMetric(metric, path, units);
    if (first !== undefined) {
      const message = `Expected a name that no other metric of the device has, but metric ${first} is named so as well.`;
      errors.push(refuse([...path, 'name'], message));
    }
    return errors;
  });
}

function refuse(path: string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

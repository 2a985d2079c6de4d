import type { CreateRolloutInput, FirmwareInput, UserError } from '../../generated/schema-types.js';
import { checkJson } from '../../twin/check-json.js';
import { isJsonObject, type JsonObject } from '../../twin/merge-patch.js';

/** A stage: up to which share of the devices, and how long the rollout rests behind it. */
export interface Stage {
  readonly percent: number;
  readonly soakSeconds: number;
}

/** What is rolled out, checked. */
export interface RolloutPlan {
  readonly name: string;
  readonly patch: JsonObject;
  /** What `reported` must contain. */
  readonly expected: JsonObject;
  readonly stages: readonly Stage[];
  readonly maxFailurePercent: number;
  readonly deviceTimeoutMs: number;
  readonly maxInFlight: number;
  readonly expiresAfterMs: number;
}

const MAX_STAGES = 20;
const MAX_SOAK_SECONDS = 2_592_000;
const DEFAULT_STAGES: readonly Stage[] = [5, 25, 100].map((percent) => ({ percent, soakSeconds: 0 }));
const SHA256 = /^[0-9a-f]{64}$/i;

/** Checks what is to be rolled out; everything that is wrong is told at once. */
export function checkRollout(input: CreateRolloutInput): RolloutPlan | { readonly errors: UserError[] } {
  const stages = (input.stages ?? DEFAULT_STAGES).map(({ percent, soakSeconds }) => ({
    percent,
    soakSeconds: soakSeconds ?? 0,
  }));
  const content = readContent(input);
  const numbers = {
    maxFailurePercent: input.maxFailurePercent ?? 10,
    deviceTimeoutSeconds: input.deviceTimeoutSeconds ?? 600,
    maxInFlight: input.maxInFlight ?? 100,
    expiresAfterHours: input.expiresAfterHours ?? 168,
  };
  const errors = [
    ...checkName(input.name),
    ...content.errors,
    ...checkStages(stages),
    ...checkRange('maxFailurePercent', numbers.maxFailurePercent, 0, 100),
    ...checkRange('deviceTimeoutSeconds', numbers.deviceTimeoutSeconds, 1, 604_800),
    ...checkRange('maxInFlight', numbers.maxInFlight, 1, 10_000),
    ...checkRange('expiresAfterHours', numbers.expiresAfterHours, 1, 8_760),
  ];
  if (errors.length > 0) return { errors };
  return {
    ...{ name: input.name, patch: content.patch, expected: content.expected, stages },
    ...{ maxFailurePercent: numbers.maxFailurePercent, maxInFlight: numbers.maxInFlight },
    deviceTimeoutMs: numbers.deviceTimeoutSeconds * 1_000,
    expiresAfterMs: numbers.expiresAfterHours * 3_600_000,
  };
}

interface Content {
  readonly patch: JsonObject;
  readonly expected: JsonObject;
  readonly errors: UserError[];
}

function readContent({ firmware, patch: given, expected }: CreateRolloutInput): Content {
  const nothing = { patch: {}, expected: {} };
  if ((firmware == null) === (given == null)) {
    const message = 'Expected either a firmware or a patch, and not both.';
    return { ...nothing, errors: [refuse(['patch'], message)] };
  }
  const patch = firmware ? { firmware: { ...firmware } } : readObject(given, 'patch');
  if (Array.isArray(patch)) return { ...nothing, errors: patch };
  const meant = firmware ? { firmware: { version: firmware.version } } : withoutNulls(patch);
  const wanted = expected == null ? meant : readObject(expected, 'expected');
  if (Array.isArray(wanted)) return { ...nothing, errors: wanted };
  const errors = firmware ? checkFirmware(firmware) : [];
  if (Object.keys(wanted).length === 0) {
    const message = 'Expected something that a device can report; a patch that only removes tells nothing.';
    errors.push(refuse(['expected'], message));
  }
  return { patch, expected: wanted, errors };
}

function readObject(given: unknown, field: string): JsonObject | UserError[] {
  const checked = checkJson(given);
  if (checked.problem !== undefined) return [refuse([field], `Expected JSON: ${checked.problem}.`)];
  if (isJsonObject(checked.value) && Object.keys(checked.value).length > 0) return checked.value;
  return [refuse([field], 'Expected a JSON object with at least one member.')];
}

/** What is left of a merge patch once it was applied. */
function withoutNulls(patch: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(patch)
      .filter(([, value]) => value !== null)
      .map(([name, value]) => [name, isJsonObject(value) ? withoutNulls(value) : value]),
  );
}

function checkFirmware({ version, url, sha256 }: FirmwareInput): UserError[] {
  const errors: UserError[] = [];
  if (version === '' || version.length > 100)
    errors.push(refuse(['firmware', 'version'], 'Expected 1 to 100 characters.'));
  if (!URL.canParse(url) || !['http:', 'https:'].includes(new URL(url).protocol))
    errors.push(refuse(['firmware', 'url'], 'Expected an http or https URL.'));
  if (!SHA256.test(sha256)) errors.push(refuse(['firmware', 'sha256'], 'Expected 64 hexadecimal digits.'));
  return errors;
}

function checkStages(stages: readonly Stage[]): UserError[] {
  if (stages.length < 1 || stages.length > MAX_STAGES)
    return [refuse(['stages'], `Expected 1 to ${MAX_STAGES} stages, got ${stages.length}.`)];
  const errors = stages.flatMap(({ percent, soakSeconds }, index) => {
    const above = stages[index - 1]?.percent ?? 0;
    const at = ['stages', String(index)];
    return [
      ...(percent > above && percent <= 100
        ? []
        : [refuse([...at, 'percent'], `Expected more than ${above} and at most 100, got ${percent}.`)]),
      ...checkRange(`stages.${index}.soakSeconds`, soakSeconds, 0, MAX_SOAK_SECONDS),
    ];
  });
  if (stages.at(-1)?.percent === 100 || errors.length > 0) return errors;
  return [refuse(['stages'], 'Expected that the last stage goes to 100 percent.')];
}

function checkName(name: string): UserError[] {
  if (name.length >= 1 && name.length <= 200 && !name.includes('\u0000')) return [];
  return [refuse(['name'], `Expected 1 to 200 characters without NUL, got ${name.length}.`)];
}

function checkRange(field: string, value: number, least: number, most: number): UserError[] {
  if (value >= least && value <= most) return [];
  return [refuse(field.split('.'), `Expected ${least} to ${most}, got ${value}.`)];
}

function refuse(path: string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path };
}

import type { SendCommandInput, UserError } from '../generated/schema-types.js';
import type { Profile, ProfileAction } from '../profiles/profile.js';
import { checkJson } from '../twin/check-json.js';
import type { SchemaChecker } from './json-schema.js';

/** A command as it was asked for, checked against what its device can do. */
export interface CheckedCommand {
  readonly action: ProfileAction;
  readonly input: unknown;
  readonly ttlMs: number;
}

/** The longest time to live of a command, in seconds: 30 days. */
const MAX_TTL_SECONDS = 2_592_000;

const KEY = /^[!-~]{1,128}$/;

/** Checks a command against its device's profile. Everything that is wrong with its input is told at once. */
export function checkCommand(
  { action: name, input, ttlSeconds, idempotencyKey }: SendCommandInput,
  profile: Profile | undefined,
  schemas: SchemaChecker,
): CheckedCommand | UserError[] {
  if (!profile) return [withoutProfile()];
  const action = profile.actions.find((one) => one.name === name);
  if (!action) return [unknownAction(name, profile)];
  const checked = checkJson(input ?? null);
  if (checked.problem !== undefined) return [refuse(['input'], `Input: ${checked.problem}.`)];
  const ttl = ttlSeconds ?? action.timeoutSeconds;
  const errors = [
    ...checkInput(action, checked.value, schemas),
    ...(ttl >= 1 && ttl <= MAX_TTL_SECONDS
      ? []
      : [refuse(['ttlSeconds'], `Expected 1 to ${MAX_TTL_SECONDS} seconds, got ${ttl}.`)]),
    ...(idempotencyKey == null || KEY.test(idempotencyKey)
      ? []
      : [refuse(['idempotencyKey'], 'Expected 1 to 128 printable characters without spaces.')]),
  ];
  return errors.length > 0 ? errors : { action, input: checked.value, ttlMs: ttl * 1_000 };
}

function checkInput({ name, input: schema }: ProfileAction, value: unknown, schemas: SchemaChecker) {
  if (schema === null) {
    return value === null
      ? []
      : [refuse(['input'], `Expected no input, as the action ${quote(name)} takes none; leave it out.`)];
  }
  return schemas
    .check(schema, value)
    .map(({ path, message }) => refuse(['input', ...path], `${['input', ...path].join('.')} ${message}.`));
}

function withoutProfile(): UserError {
  return refuse(
    ['deviceId'],
    'Expected a device with a profile, which says what it can be told to do; this one has none. Give it a profile that ' +
      'declares the action, then send the command again.',
  );
}

function unknownAction(name: string, { name: profile, version, actions }: Profile): UserError {
  const known = actions.map((action) => action.name).join(', ');
  const advice =
    known === ''
      ? 'the profile declares no actions: define a version of it that does, and give the device that'
      : `expected one of ${known}`;
  return refuse(['action'], `Profile ${profile} version ${version} has no action ${quote(name)}; ${advice}.`);
}

function refuse(path: string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

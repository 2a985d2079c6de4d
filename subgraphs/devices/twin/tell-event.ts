import type { Database } from '../../../kernel/database/database.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { SchemaChecker } from '../commands/json-schema.js';
import type { Profile } from '../profiles/profile.js';
import type { DeviceMessage } from '../protocols/protocol.js';
import type { KnownDevices } from '../readings/known-devices.js';
import { decodeMessage } from './decode-message.js';
import { findSender } from './device-message.js';
import { DEVICE_EVENT_TYPE } from './storage/twin-reader.js';

export interface TellEventDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly schemas: SchemaChecker;
}

/**
 * Makes the door for the events of devices: `{"event": name, "data"?}` in JSON or CBOR. An event that the device's profile
 * declares, with data that fit its schema, becomes a fact of the log.
 *
 * Errors of an event: BAD_USER_INPUT, PAYLOAD_TOO_LARGE, NOT_FOUND for what will never be taken; those of the database.
 */
export function createTellEvent(deps: TellEventDeps): (message: DeviceMessage) => Promise<void> {
  const { database, log, devices, profileOf, schemas } = deps;
  return async (message) => {
    const { workspace } = message;
    const { event: name, data } = decodeMessage(message.payload, 'event');
    const { id: deviceId } = await findSender(devices, message, 'event');
    checkEvent({ name, data: data ?? null }, await profileOf(workspace, deviceId), schemas);
    await database.inWorkspace(workspace).transaction((transaction) =>
      log.append(transaction, {
        source: '/devices',
        type: DEVICE_EVENT_TYPE,
        subject: deviceId,
        data: { deviceId, name: String(name), ...(data == null ? {} : { data }) },
      }),
    );
  };
}

interface SentEvent {
  readonly name: unknown;
  readonly data: unknown;
}

function checkEvent({ name, data }: SentEvent, profile: Profile | undefined, schemas: SchemaChecker): void {
  const declared = profile?.events.find((event) => event.name === name);
  if (!declared) throw new AegisError('BAD_USER_INPUT', `event: ${describeUnknown(name, profile)}`);
  if (declared.data === null && data !== null) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `event: expected ${quote(name)} without data, as its profile declares none, got some.`,
    );
  }
  const problems = declared.data === null ? [] : schemas.check(declared.data, data);
  if (problems.length === 0) return;
  const told = problems.map(({ path, message }) => `${['data', ...path].join('.')} ${message}`);
  throw new AegisError('BAD_USER_INPUT', `event: ${told.join('; ')}.`);
}

function describeUnknown(name: unknown, profile: Profile | undefined): string {
  if (typeof name !== 'string') return 'expected {"event": name, "data"?}, got no name.';
  if (!profile)
    return `expected a device with a profile that declares ${quote(name)}, this one has no profile; give it one.`;
  const known = profile.events.map((event) => event.name).join(', ') || 'none';
  return `expected an event of profile ${profile.name} version ${profile.version} (${known}), got ${quote(name)}.`;
}

function quote(value: unknown): string {
  return JSON.stringify(value).slice(0, 80);
}

import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { CancelCommandInput, SendCommandInput, UserError } from '../generated/schema-types.js';
import type { Profile } from '../profiles/profile.js';
import type { KnownDevices } from '../readings/known-devices.js';
import { checkCommand } from './check-command.js';
import type { CommandOutcomes } from './storage/command-outcomes.js';
import type { CommandQueue, QueueOutcome } from './storage/command-queue.js';
import type { SchemaChecker } from './json-schema.js';
import type { DeviceCommandModel } from './models.js';

/** What came of sending or cancelling a command: the command, or why not. */
export interface CommandPayload {
  readonly command: DeviceCommandModel | null;
  readonly userErrors: UserError[];
}

type Requester = Pick<RequestContext, 'principal' | 'trace'>;

/** Queues a command for a device. Everything that is wrong with it is told at once. */
export type SendCommand = (input: SendCommandInput, request: Requester) => Promise<CommandPayload>;

/** Cancels a command that its device does not have yet. */
export type CancelCommand = (input: CancelCommandInput, request: Requester) => Promise<CommandPayload>;

export interface SendCommandDeps {
  readonly queue: Pick<CommandQueue, 'add'>;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly schemas: SchemaChecker;
  readonly maxQueued: number;
}

/** Makes the sending. */
export function createSendCommand(deps: SendCommandDeps): SendCommand {
  const { queue, devices, profileOf, schemas, maxQueued } = deps;
  return async (input, { principal, trace }) => {
    const { workspace } = principal;
    const { deviceId } = input;
    const device = await devices.find(workspace, deviceId);
    if (device?.id !== deviceId) return refused(noSuchDevice(deviceId));
    const checked = checkCommand(input, await profileOf(workspace, deviceId), schemas);
    if (Array.isArray(checked)) return { command: null, userErrors: checked };
    const outcome = await queue.add({
      ...{ workspace, deviceId, input: checked.input, ttlMs: checked.ttlMs },
      action: checked.action.name,
      payload: checked.action.payload,
      idempotencyKey: input.idempotencyKey ?? undefined,
      requestedBy: principal.subject,
      traceparent: trace.traceparent,
    });
    return toPayload(outcome, deviceId, maxQueued);
  };
}

/** Makes the cancelling. */
export function createCancelCommand(outcomes: Pick<CommandOutcomes, 'cancel'>): CancelCommand {
  return async ({ id }, { principal, trace }) => {
    const outcome = await outcomes.cancel(principal.workspace, id, trace.traceparent);
    if (!outcome) {
      const message = `There is no command ${quote(id)}; it may have been removed.`;
      return refused({ code: 'NOT_FOUND', message, path: ['id'] });
    }
    const { command, cancelled } = outcome;
    if (cancelled) return { command, userErrors: [] };
    const message = `Expected a command that is QUEUED or SENT, this one is ${command.state}: it cannot be taken back.`;
    return { command, userErrors: [{ code: 'CONFLICT', message, path: ['id'] }] };
  };
}

function toPayload(outcome: QueueOutcome, deviceId: string, maxQueued: number): CommandPayload {
  switch (outcome.kind) {
    case 'queued':
    case 'repeated':
      return { command: outcome.command, userErrors: [] };
    case 'reused': {
      const { id, action } = outcome.command;
      const message =
        `The key was used for command ${id}, ${action}, with another action or input; ` +
        'take a new key for a new intent.';
      return refused({ code: 'CONFLICT', message, path: ['idempotencyKey'] });
    }
    case 'full': {
      const message =
        `${maxQueued} commands wait for this device already; cancel some, or send again when it has taken or let ` +
        'expire some of them.';
      return refused({ code: 'RATE_LIMITED', message, path: ['deviceId'] });
    }
    case 'no-device':
      return refused(noSuchDevice(deviceId));
  }
}

function noSuchDevice(deviceId: string): UserError {
  const message = `There is no device ${quote(deviceId)}; it may have been removed.`;
  return { code: 'NOT_FOUND', message, path: ['deviceId'] };
}

function refused(error: UserError): CommandPayload {
  return { command: null, userErrors: [error] };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

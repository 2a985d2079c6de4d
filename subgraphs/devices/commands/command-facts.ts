import type { Transaction } from '../../../kernel/database/database.js';
import type { CloudEvent, EventLog } from '../../../kernel/events/event-log.js';
import type { CommandState, DeviceCommandModel } from './models.js';
import { COMMAND_STATES } from './command-states.js';

/** A move of a command, as the log of facts has it. What the command says and what came of it is not in there. */
export interface CommandMove {
  readonly id: string;
  readonly deviceId: string;
  readonly state: CommandState;
  readonly at: Date;
  readonly expiresAt: Date;
}

const TYPE = /^aegis[.]command[.](?<state>[a-z]+)$/;

/** States that commands have moved; the last thing in its transaction. */
export async function stateMoves(
  log: EventLog,
  transaction: Transaction,
  commands: readonly DeviceCommandModel[],
  traceparent?: string,
): Promise<void> {
  if (commands.length === 0) return;
  const facts = commands.map(({ id, deviceId, action, state, attempts, expiresAt }) => ({
    source: '/devices',
    type: `aegis.command.${state.toLowerCase()}`,
    subject: id,
    data: { id, deviceId, action, attempts, expiresAt: expiresAt.toISOString() },
    ...(traceparent === undefined ? {} : { traceparent }),
  }));
  await log.appendAll(transaction, facts);
}

/** The move that a fact tells of; undefined for a fact about something else. */
export function readMove(
  event: Pick<CloudEvent, 'type' | 'subject' | 'time' | 'data'>,
): CommandMove | undefined {
  const name = TYPE.exec(event.type)?.groups?.['state']?.toUpperCase();
  const state = COMMAND_STATES.find((one) => one === name);
  if (!state || event.subject === undefined) return undefined;
  const { deviceId, expiresAt } = event.data as { readonly deviceId: string; readonly expiresAt: string };
  return { id: event.subject, deviceId, state, at: event.time, expiresAt: new Date(expiresAt) };
}

import type { Database, Transaction } from '../../../../kernel/database/database.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { stateMoves } from '../command-facts.js';
import { COMMAND_COLUMNS } from './command-row.js';
import { isFinal, mayMove } from '../command-states.js';
import type { DeviceCommandModel } from '../models.js';

/** What a device says of a command; it has been checked. */
export interface CommandAnswer {
  readonly id: string;
  /** The device that answers: of another one there is no such command. */
  readonly deviceId: string;
  readonly state: 'DELIVERED' | 'EXECUTED' | 'FAILED';
  readonly output: unknown;
  readonly error: string | undefined;
  /** What is to be said of the output; undefined for nothing. */
  readonly note: string | undefined;
}

/** The ends of commands. Every move is stated as a fact in the same transaction. */
export interface CommandOutcomes {
  /**
   * Records an answer; false when there is no such command. Of a repeated one, and of one that contradicts an earlier, the
   * earlier counts. One that comes after the command had expired or was cancelled is noted, and it stays so.
   */
  answer(workspace: WorkspaceId, answer: CommandAnswer): Promise<boolean>;
  /** Cancels a command that has not been delivered; what it is now, and whether it was cancelled. */
  cancel(
    workspace: WorkspaceId,
    id: string,
    traceparent: string | undefined,
  ): Promise<{ readonly command: DeviceCommandModel; readonly cancelled: boolean } | undefined>;
  /** Expires what is past its time, at most `limit`; how many. */
  expire(workspace: WorkspaceId, limit: number): Promise<number>;
  /** When the next open command expires; undefined when there is none. */
  nextExpiry(workspace: WorkspaceId): Promise<Date | undefined>;
  /** Removes commands that ended before an instant, at most `limit`; how many. */
  prune(workspace: WorkspaceId, before: Date, limit: number): Promise<number>;
}

export interface CommandOutcomesDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly now: () => Date;
}

/** Makes the ends of commands. */
export function createCommandOutcomes(deps: CommandOutcomesDeps): CommandOutcomes {
  const { database, log, now } = deps;
  const rowsOf = (workspace: WorkspaceId) => database.inWorkspace(workspace);
  return {
    answer: (workspace, answer) =>
      rowsOf(workspace).transaction((transaction) => recordAnswer(transaction, answer, deps)),
    cancel: (workspace, id, traceparent) =>
      rowsOf(workspace).transaction(async (transaction) => {
        const command = await lockCommand(transaction, id);
        if (!command || !mayMove(command.state, 'CANCELLED'))
          return command && { command, cancelled: command.state === 'CANCELLED' };
        const cancelled = await finish(transaction, { ...command, state: 'CANCELLED' }, now());
        await stateMoves(log, transaction, [cancelled], traceparent);
        return { command: cancelled, cancelled: true };
      }),
    expire: (workspace, limit) =>
      rowsOf(workspace).transaction(async (transaction) => {
        const at = now().toISOString();
        const expired = await transaction.client.$queryRaw<DeviceCommandModel[]>`
          UPDATE devices.commands c
          SET state = 'EXPIRED', finished_at = ${at}::timestamptz, lease_until = NULL
          WHERE c.workspace_id = ${workspace} AND c.id = ANY(ARRAY(
            SELECT id FROM devices.commands
            WHERE workspace_id = ${workspace} AND finished_at IS NULL AND expires_at <= ${at}::timestamptz
            ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ))
          RETURNING ${COMMAND_COLUMNS}`;
        await stateMoves(log, transaction, expired);
        return expired.length;
      }),
    async nextExpiry(workspace) {
      const [next] = await rowsOf(workspace).client.$queryRaw<{ readonly at: Date }[]>`
        SELECT expires_at AS at FROM devices.commands
        WHERE workspace_id = ${workspace} AND finished_at IS NULL ORDER BY expires_at LIMIT 1`;
      return next?.at;
    },
    prune: (workspace, before, limit) =>
      rowsOf(workspace).client.$executeRaw`
        DELETE FROM devices.commands WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM devices.commands
          WHERE workspace_id = ${workspace} AND finished_at < ${before.toISOString()}::timestamptz LIMIT ${limit}
        ))`,
  };
}

async function lockCommand(
  { client, workspace }: Transaction,
  id: string,
): Promise<DeviceCommandModel | undefined> {
  if (id.includes('\0')) return undefined;
  const [command] = await client.$queryRaw<DeviceCommandModel[]>`
    SELECT ${COMMAND_COLUMNS} FROM devices.commands c
    WHERE workspace_id = ${workspace} AND id = ${id} FOR UPDATE`;
  return command;
}

/** Writes the state of a command and what came of it. A move that is none of an end leaves it open. */
async function finish(
  { client, workspace }: Transaction,
  { id, state, output, error, note }: DeviceCommandModel,
  at: Date,
): Promise<DeviceCommandModel> {
  const now = at.toISOString();
  const [command] = await client.$queryRaw<DeviceCommandModel[]>`
    UPDATE devices.commands c
    SET state = ${state}, lease_until = NULL, error = ${error}, note = ${note},
      output = ${output == null ? null : JSON.stringify(output)}::jsonb,
      delivered_at = CASE WHEN ${state} = 'DELIVERED' THEN ${now}::timestamptz ELSE delivered_at END,
      finished_at = CASE WHEN ${isFinal(state)} THEN coalesce(finished_at, ${now}::timestamptz) END
    WHERE workspace_id = ${workspace} AND id = ${id}
    RETURNING ${COMMAND_COLUMNS}`;
  if (!command) throw new Error('expected a locked command to be there still');
  return command;
}

async function recordAnswer(
  transaction: Transaction,
  { id, deviceId, state, output, error, note }: CommandAnswer,
  { log, now }: CommandOutcomesDeps,
): Promise<boolean> {
  const command = await lockCommand(transaction, id);
  if (command?.deviceId !== deviceId) return false;
  const answered = { ...command, output, error: error ?? null, note: note ?? null };
  if (mayMove(command.state, state)) {
    const moved = await finish(transaction, { ...answered, state }, now());
    await stateMoves(log, transaction, [moved]);
    return true;
  }
  const tooLate = command.state === 'EXPIRED' || command.state === 'CANCELLED';
  if (!tooLate || command.note !== null || state === 'DELIVERED') return true;
  const late = `the device answered ${state} at ${now().toISOString()}, after it was ${command.state}`;
  await finish(
    transaction,
    {
      ...answered,
      state: command.state,
      note: note === undefined ? late : `${late}; ${note}`,
    },
    now(),
  );
  return true;
}

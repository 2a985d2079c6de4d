import type { Database, Transaction } from '../../../../kernel/database/database.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { isDeviceId } from '../../device-id.js';
import { isSameJson } from '../../twin/merge-patch.js';
import { stateMoves } from '../command-facts.js';
import { COMMAND_COLUMNS } from './command-row.js';
import type { DeviceCommandModel } from '../models.js';

/** A command that is to be queued; it has been checked. */
export interface NewCommand {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly action: string;
  readonly input: unknown;
  readonly payload: DeviceCommandModel['payload'];
  readonly ttlMs: number;
  readonly idempotencyKey: string | undefined;
  readonly requestedBy: string;
  readonly traceparent: string | undefined;
}

/** What came of queueing. `repeated`: the key was used before, for the same; `reused`: for something else. */
export type QueueOutcome =
  | { readonly kind: 'queued' | 'repeated' | 'reused'; readonly command: DeviceCommandModel }
  | { readonly kind: 'no-device' }
  | { readonly kind: 'full' };

/** What a process that would send a device's next command finds. */
export type Claim =
  | { readonly kind: 'claimed'; readonly command: DeviceCommandModel }
  /** Another attempt is under way, or was when its process died: come again then. */
  | { readonly kind: 'busy'; readonly until: Date }
  /** The next one was cancelled or answered just now: there is one behind it. */
  | { readonly kind: 'missed' }
  | { readonly kind: 'empty' };

/** What came of an attempt. `SENT_ONCE`: it left without its id, and is not to be sent again; `FAILED`: it is queued again. */
export type SendOutcome = 'DELIVERED' | 'SENT' | 'SENT_ONCE' | 'FAILED';

/** The commands that wait for their devices. Every move is stated as a fact in the same transaction. */
export interface CommandQueue {
  add(command: NewCommand): Promise<QueueOutcome>;
  /** Whether anything waits for a device, or may be on its way to it. */
  isWaiting(workspace: WorkspaceId, deviceId: string): Promise<boolean>;
  /**
   * Queues again what was sent to a device by a protocol that tells no more, and has not been answered: the device has
   * connected anew. Not those whose payload is the input alone, in which a device could not know a repetition.
   */
  requeue(workspace: WorkspaceId, deviceId: string): Promise<void>;
  /** Takes the next command of a device for one attempt: no other process takes one of that device meanwhile. */
  claim(workspace: WorkspaceId, deviceId: string): Promise<Claim>;
  /** Says what came of the attempt. */
  settle(workspace: WorkspaceId, id: string, outcome: SendOutcome): Promise<void>;
  /** Ends the attempts of processes that are gone: to be called where no other process can have the database open. */
  releaseLeases(workspace: WorkspaceId): Promise<void>;
}

export interface CommandQueueDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly now: () => Date;
  /** The most commands that wait for one device. */
  readonly maxQueued: number;
}

/** How long an attempt may take before another process may make the next, in milliseconds; longer than one send may. */
const LEASE_MS = 15_000;

/** Makes the queue. */
export function createCommandQueue(deps: CommandQueueDeps): CommandQueue {
  const { database, log, now } = deps;
  const rowsOf = (workspace: WorkspaceId) => database.inWorkspace(workspace);
  return {
    add: ({ workspace, ...command }) =>
      rowsOf(workspace).transaction((transaction) =>
        addCommand(transaction, { workspace, ...command }, deps),
      ),
    async isWaiting(workspace, deviceId) {
      const rows = await rowsOf(workspace).client.$queryRaw<unknown[]>`
        SELECT 1 FROM devices.commands
        WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND state IN ('QUEUED', 'SENT') LIMIT 1`;
      return rows.length > 0;
    },
    async requeue(workspace, deviceId) {
      await rowsOf(workspace).transaction(async (transaction) => {
        const requeued = await transaction.client.$queryRaw<DeviceCommandModel[]>`
          UPDATE devices.commands c SET state = 'QUEUED'
          WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND state = 'SENT'
            AND lease_until IS NULL AND payload = 'envelope' AND expires_at > ${now().toISOString()}::timestamptz
          RETURNING ${COMMAND_COLUMNS}`;
        await stateMoves(log, transaction, requeued);
      });
    },
    claim: (workspace, deviceId) =>
      rowsOf(workspace).transaction((transaction) => claimNext(transaction, deviceId, deps)),
    async settle(workspace, id, outcome) {
      await rowsOf(workspace).transaction((transaction) => settleSend(transaction, { id, outcome }, deps));
    },
    async releaseLeases(workspace) {
      await rowsOf(workspace).client.$executeRaw`
        UPDATE devices.commands SET lease_until = created_at
        WHERE workspace_id = ${workspace} AND finished_at IS NULL AND lease_until IS NOT NULL`;
    },
  };
}

/** Keeps a device's queue from others until the end of the transaction; false when there is no such device. */
async function lockQueue({ client, workspace }: Transaction, deviceId: string): Promise<boolean> {
  if (!isDeviceId(deviceId)) return false;
  const rows = await client.$queryRaw<unknown[]>`
    SELECT 1 FROM devices.devices WHERE workspace_id = ${workspace} AND id = ${deviceId} FOR NO KEY UPDATE`;
  return rows.length > 0;
}

async function addCommand(
  transaction: Transaction,
  command: NewCommand,
  deps: CommandQueueDeps,
): Promise<QueueOutcome> {
  const { deviceId } = command;
  if (!(await lockQueue(transaction, deviceId))) return { kind: 'no-device' };
  const former = await findByKey(transaction, command);
  if (former) {
    const isSame = former.action === command.action && isSameJson(former.input, command.input);
    return { kind: isSame ? 'repeated' : 'reused', command: former };
  }
  const { client, workspace } = transaction;
  const [waiting] = await client.$queryRaw<{ readonly count: number }[]>`
    SELECT count(*)::int AS count FROM devices.commands
    WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND state IN ('QUEUED', 'SENT')`;
  if ((waiting?.count ?? 0) >= deps.maxQueued) return { kind: 'full' };
  const queued = await insertCommand(transaction, command, deps.now());
  await stateMoves(deps.log, transaction, [queued], command.traceparent);
  return { kind: 'queued', command: queued };
}

async function findByKey(
  { client, workspace }: Transaction,
  { deviceId, idempotencyKey }: NewCommand,
): Promise<DeviceCommandModel | undefined> {
  if (idempotencyKey === undefined) return undefined;
  const [former] = await client.$queryRaw<DeviceCommandModel[]>`
    SELECT ${COMMAND_COLUMNS} FROM devices.commands c
    WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND idempotency_key = ${idempotencyKey}`;
  return former;
}

async function insertCommand(
  { client, workspace }: Transaction,
  { deviceId, action, input, payload, ttlMs, idempotencyKey, requestedBy }: NewCommand,
  now: Date,
): Promise<DeviceCommandModel> {
  const expiresAt = new Date(now.getTime() + ttlMs);
  const rows = await client.$queryRaw<DeviceCommandModel[]>`
    INSERT INTO devices.commands AS c
      (workspace_id, id, device_id, action, input, payload, idempotency_key, requested_by, created_at, expires_at)
    VALUES (${workspace}, ${newId('cmd')}, ${deviceId}, ${action}, ${JSON.stringify(input)}::jsonb, ${payload},
      ${idempotencyKey ?? null}, ${requestedBy}, ${now.toISOString()}::timestamptz,
      ${expiresAt.toISOString()}::timestamptz)
    RETURNING ${COMMAND_COLUMNS}`;
  const [command] = rows;
  if (!command) throw new Error('expected an insert to give its row back');
  return command;
}

async function claimNext(
  transaction: Transaction,
  deviceId: string,
  { log, now }: CommandQueueDeps,
): Promise<Claim> {
  if (!(await lockQueue(transaction, deviceId))) return { kind: 'empty' };
  const { client, workspace } = transaction;
  const at = now();
  const lease = new Date(at.getTime() + LEASE_MS);
  // The state stands outside the inner query as well: that is not asked again when the row was cancelled or answered while
  // this waited for it.
  const [command] = await client.$queryRaw<DeviceCommandModel[]>`
    UPDATE devices.commands c
    SET state = 'SENT', attempts = attempts + 1, lease_until = ${lease.toISOString()}::timestamptz,
      sent_at = coalesce(sent_at, ${at.toISOString()}::timestamptz)
    WHERE c.workspace_id = ${workspace} AND c.state IN ('QUEUED', 'SENT') AND c.id = (
      SELECT id FROM devices.commands
      WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND state IN ('QUEUED', 'SENT')
        AND (state = 'QUEUED' OR lease_until <= ${at.toISOString()}::timestamptz)
        AND expires_at > ${at.toISOString()}::timestamptz
      ORDER BY sequence LIMIT 1
    ) AND NOT EXISTS (
      SELECT 1 FROM devices.commands
      WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND state IN ('QUEUED', 'SENT')
        AND lease_until > ${at.toISOString()}::timestamptz
    )
    RETURNING ${COMMAND_COLUMNS}`;
  if (command) {
    await stateMoves(log, transaction, [command]);
    return { kind: 'claimed', command };
  }
  const { until, waiting } = await findRest(transaction, deviceId, at.toISOString());
  if (until) return { kind: 'busy', until };
  return { kind: waiting === true ? 'missed' : 'empty' };
}

interface Rest {
  /** When the attempt that is under way is over at the latest. */
  readonly until: Date | null;
  /** Whether anything is to be sent. */
  readonly waiting: boolean | null;
}

/** Why nothing could be taken. */
async function findRest({ client, workspace }: Transaction, deviceId: string, at: string): Promise<Rest> {
  const [rest] = await client.$queryRaw<Rest[]>`
    SELECT max(lease_until) FILTER (WHERE lease_until > ${at}::timestamptz) AS until,
      bool_or((state = 'QUEUED' OR lease_until <= ${at}::timestamptz) AND expires_at > ${at}::timestamptz) AS waiting
    FROM devices.commands
    WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND state IN ('QUEUED', 'SENT')`;
  return rest ?? { until: null, waiting: null };
}

const STATE_AFTER = { DELIVERED: 'DELIVERED', SENT: 'SENT', SENT_ONCE: 'SENT', FAILED: 'QUEUED' } as const;

async function settleSend(
  transaction: Transaction,
  { id, outcome }: { readonly id: string; readonly outcome: SendOutcome },
  { log, now }: CommandQueueDeps,
): Promise<void> {
  const state = STATE_AFTER[outcome];
  const { client, workspace } = transaction;
  // Whatever has happened to it meanwhile, such as its answer, stays.
  const [command] = await client.$queryRaw<DeviceCommandModel[]>`
    UPDATE devices.commands c
    SET state = ${state}, lease_until = NULL,
      payload = CASE WHEN ${outcome} = 'SENT_ONCE' THEN 'input' ELSE payload END, delivered_at =
      CASE WHEN ${state} = 'DELIVERED' THEN ${now().toISOString()}::timestamptz ELSE delivered_at END
    WHERE workspace_id = ${workspace} AND id = ${id} AND state = 'SENT'
    RETURNING ${COMMAND_COLUMNS}`;
  if (command && state !== 'SENT') await stateMoves(log, transaction, [command]);
}

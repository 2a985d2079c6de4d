import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ProtocolKind } from '../protocols/protocol-kind.js';

export type ConnectivityState = 'ONLINE' | 'OFFLINE' | 'UNKNOWN';

/** Whether a device can be reached, as far as is known. */
export interface ConnectivityRow {
  readonly deviceId: string;
  readonly state: ConnectivityState;
  readonly protocol: ProtocolKind | null;
  readonly since: Date;
  readonly lastSeenAt: Date | null;
  readonly reason: string | null;
}

/** What a process has learnt of a device. */
export interface ConnectivityChange extends ConnectivityRow {
  /** Whether this process holds a connection of it. */
  readonly held: boolean;
}

/** The rows of who is connected; all times of leases are by the database's clock. */
export type ConnectivityRegistry = ConnectivityRows & ConnectionLeases;

interface ConnectivityRows {
  /** Those of devices that have a row, in any order. */
  find(workspace: WorkspaceId, deviceIds: readonly string[]): Promise<ConnectivityRow[]>;
  /**
   * Stores changes, each device at most once. A device that another process holds stays ONLINE whatever this one has
   * lost; devices that are not there are left out.
   */
  store(workspace: WorkspaceId, holder: string, changes: readonly ConnectivityChange[]): Promise<void>;
  /** States what has held for a while and has not been stated: at most `limit` facts; how many there were. */
  stateFacts(workspace: WorkspaceId, options: { settleMs: number; limit: number }): Promise<number>;
  /** Makes OFFLINE those without a connection that were not heard from, and those UNKNOWN, for a while. */
  expire(workspace: WorkspaceId, silentMs: number): Promise<void>;
  /** Which of these devices, held by this process, the table has otherwise. */
  findForgotten(workspace: WorkspaceId, deviceIds: readonly string[]): Promise<string[]>;
}

interface ConnectionLeases {
  /** Says that a process lives for another while. */
  renewLease(workspace: WorkspaceId, holder: string, leaseMs: number): Promise<void>;
  /** Makes UNKNOWN what was held by processes that live no more; `others` are all but `holder` when it is alone. */
  releaseDead(workspace: WorkspaceId, options: { holder: string; alone: boolean }): Promise<void>;
  /** Makes UNKNOWN what a process holds that ends, and ends its lease. */
  release(workspace: WorkspaceId, holder: string): Promise<void>;
}

interface StatedRow {
  readonly device_id: string;
  readonly state: ConnectivityState;
  readonly protocol: string | null;
  readonly since: Date;
  readonly reason: string | null;
}

const HOLDER_ENDED = 'the process that held its connection has ended';

/** Makes the registry of connectivity. */
export function createConnectivityRegistry(database: Database, log: EventLog): ConnectivityRegistry {
  return { ...createRows(database, log), ...createLeases(database) };
}

function createRows(database: Database, log: EventLog): ConnectivityRows {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    find: (workspace, deviceIds) =>
      clientOf(workspace).$queryRaw<ConnectivityRow[]>`
        SELECT device_id AS "deviceId", state, protocol, since, last_seen_at AS "lastSeenAt", reason
        FROM devices.device_connectivity
        WHERE workspace_id = ${workspace} AND device_id = ANY(${deviceIds})`,
    async store(workspace, holder, changes) {
      // In one order, so that two processes that store at once do not wait for each other in a circle.
      const rows = [...changes].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
      await clientOf(workspace).$executeRaw`
        INSERT INTO devices.device_connectivity AS c
          (workspace_id, device_id, state, protocol, since, last_seen_at, reason, holder)
        SELECT ${workspace}, n.id, n.state, n.protocol, n.since, n.seen, n.reason,
          CASE WHEN n.held THEN ${holder} END
        FROM unnest(
          ${rows.map(({ deviceId }) => deviceId)}::text[], ${rows.map(({ state }) => state)}::text[],
          ${rows.map(({ protocol }) => protocol)}::text[], ${rows.map(({ since }) => since.toISOString())}::timestamptz[],
          ${rows.map(({ lastSeenAt }) => lastSeenAt?.toISOString() ?? null)}::timestamptz[],
          ${rows.map(({ reason }) => reason)}::text[], ${rows.map(({ held }) => held)}::bool[]
        ) AS n(id, state, protocol, since, seen, reason, held)
        JOIN devices.devices d ON d.workspace_id = ${workspace} AND d.id = n.id
        ON CONFLICT (workspace_id, device_id) DO UPDATE SET
          state = excluded.state,
          protocol = CASE WHEN excluded.holder IS NULL AND c.holder IS NOT NULL AND excluded.state = 'ONLINE'
            THEN c.protocol ELSE COALESCE(excluded.protocol, c.protocol) END,
          since = CASE WHEN c.state = excluded.state THEN c.since ELSE excluded.since END,
          last_seen_at = GREATEST(c.last_seen_at, excluded.last_seen_at),
          reason = excluded.reason,
          holder = CASE WHEN excluded.state = 'ONLINE' AND c.state = 'ONLINE' AND c.holder IS DISTINCT FROM ${holder}
            THEN COALESCE(excluded.holder, c.holder) ELSE excluded.holder END
        WHERE excluded.state = 'ONLINE' OR c.holder IS NULL OR c.holder = ${holder}`;
    },
    stateFacts: (workspace, { settleMs, limit }) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const rows = await transaction.client.$queryRaw<StatedRow[]>`
          UPDATE devices.device_connectivity c SET stated = c.state
          FROM (
            SELECT device_id FROM devices.device_connectivity
            WHERE workspace_id = ${workspace} AND state <> stated AND state <> 'UNKNOWN'
              AND since <= now() - ${settleMs} * INTERVAL '1 millisecond'
            ORDER BY since LIMIT ${limit} FOR UPDATE SKIP LOCKED
          ) due
          WHERE c.workspace_id = ${workspace} AND c.device_id = due.device_id
          RETURNING c.device_id, c.state, c.protocol, c.since, c.reason`;
        if (rows.length > 0) await log.appendAll(transaction, rows.map(toFact));
        return rows.length;
      }),
    async expire(workspace, silentMs) {
      await clientOf(workspace).$executeRaw`
        UPDATE devices.device_connectivity
        SET state = 'OFFLINE', since = now(), reason = CASE WHEN state = 'UNKNOWN' THEN reason || ', and it did not come back'
          ELSE ${`nothing was heard from it for ${Math.round(silentMs / 1_000)} s`} END
        WHERE workspace_id = ${workspace} AND (
          (state = 'ONLINE' AND holder IS NULL AND last_seen_at < now() - ${silentMs} * INTERVAL '1 millisecond')
          OR (state = 'UNKNOWN' AND since < now() - ${silentMs} * INTERVAL '1 millisecond'))`;
    },
    async findForgotten(workspace, deviceIds) {
      const rows = await clientOf(workspace).$queryRaw<{ device_id: string }[]>`
        SELECT device_id FROM devices.device_connectivity
        WHERE workspace_id = ${workspace} AND device_id = ANY(${deviceIds})
          AND (state <> 'ONLINE' OR holder IS NULL)`;
      return rows.map(({ device_id }) => device_id);
    },
  };
}

function createLeases(database: Database): ConnectionLeases {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async renewLease(workspace, holder, leaseMs) {
      await clientOf(workspace).$executeRaw`
        INSERT INTO devices.connection_holders (workspace_id, id, alive_until)
        VALUES (${workspace}, ${holder}, now() + ${leaseMs} * INTERVAL '1 millisecond')
        ON CONFLICT (workspace_id, id) DO UPDATE SET alive_until = excluded.alive_until`;
    },
    async releaseDead(workspace, { holder, alone }) {
      await clientOf(workspace).$executeRaw`
        DELETE FROM devices.connection_holders
        WHERE workspace_id = ${workspace} AND id <> ${holder} AND (${alone} OR alive_until < now())`;
      await clientOf(workspace).$executeRaw`
        UPDATE devices.device_connectivity c
        SET state = 'UNKNOWN', since = now(), holder = NULL, reason = ${HOLDER_ENDED}
        WHERE workspace_id = ${workspace} AND holder IS NOT NULL AND holder <> ${holder} AND NOT EXISTS (
          SELECT 1 FROM devices.connection_holders h WHERE h.workspace_id = ${workspace} AND h.id = c.holder)`;
    },
    async release(workspace, holder) {
      await clientOf(workspace).$executeRaw`
        UPDATE devices.device_connectivity
        SET state = 'UNKNOWN', since = now(), holder = NULL, reason = ${HOLDER_ENDED}
        WHERE workspace_id = ${workspace} AND holder = ${holder}`;
      await clientOf(workspace).$executeRaw`
        DELETE FROM devices.connection_holders WHERE workspace_id = ${workspace} AND id = ${holder}`;
    },
  };
}

function toFact({ device_id: id, state, protocol, since, reason }: StatedRow) {
  return {
    source: '/devices',
    type: state === 'ONLINE' ? 'aegis.device.connected' : 'aegis.device.disconnected',
    subject: id,
    data: { id, protocol, since: since.toISOString(), reason },
  };
}

import type { Database, Transaction } from '../../../kernel/database/database.js';
import type { Prisma } from '../../../kernel/database/workspace.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { rankOf, type AlarmState, type ClearReason, type Severity } from './alarm.js';
import type { RaisedAlarm } from './evaluation/move.js';
import type { AlarmModel } from './models.js';

/** Which alarms are meant; all given conditions must hold. */
export interface AlarmSelection {
  readonly states?: readonly AlarmState[] | undefined;
  readonly severities?: readonly Severity[] | undefined;
  readonly deviceIds?: readonly string[] | undefined;
  readonly ruleIds?: readonly string[] | undefined;
  readonly acknowledged?: boolean | undefined;
  /** Raised at this instant or later. */
  readonly from?: Date | undefined;
  /** Raised before this instant. */
  readonly to?: Date | undefined;
}

/** The orders in which alarms are listed. */
export type AlarmListOrder = 'RAISED_AT_DESC' | 'RAISED_AT_ASC' | 'SEVERITY';

/** Where a page of alarms ends. */
export interface AlarmPlace {
  readonly raisedAt: Date;
  readonly severityRank: number;
  readonly id: string;
}

/** How many alarms of a severity are in each state. */
export interface AlarmCount {
  readonly severity: Severity;
  readonly state: AlarmState;
  readonly count: number;
}

/** What a person adds to an alarm. */
export interface AlarmNote {
  readonly id: string;
  readonly at: Date;
  readonly by: string;
  readonly note: string | null;
}

/** Rows of alarms in and out. */
export interface AlarmRegistry {
  find(workspace: WorkspaceId, ids: readonly string[]): Promise<AlarmModel[]>;
  /** At most one more than `first`. */
  list(
    workspace: WorkspaceId,
    selection: AlarmSelection,
    page: { readonly first: number; readonly after: AlarmPlace | undefined; readonly order: AlarmListOrder },
  ): Promise<AlarmModel[]>;
  count(workspace: WorkspaceId, selection: AlarmSelection): Promise<AlarmCount[]>;
  /** The newest alarms of devices in some states, at most `first` of each device, in one statement. */
  newestOf(
    workspace: WorkspaceId,
    deviceIds: readonly string[],
    options: { readonly first: number; readonly states: readonly AlarmState[] },
  ): Promise<AlarmModel[]>;
  /** Raises alarms. One whose rule already has an open alarm of the device is left out. */
  raise(transaction: Transaction, alarms: readonly RaisedAlarm[]): Promise<AlarmModel[]>;
  /** Clears those that are open. */
  clear(
    transaction: Transaction,
    cleared: { readonly ids: readonly string[]; readonly at: Date; readonly reason: ClearReason },
  ): Promise<AlarmModel[]>;
  /** Undefined when there is none that can be acknowledged any more. */
  acknowledge(transaction: Transaction, note: AlarmNote): Promise<AlarmModel | undefined>;
  /** Clears an open one by hand; undefined when there is none. */
  clearByHand(transaction: Transaction, note: AlarmNote): Promise<AlarmModel | undefined>;
  /** Removes those that were cleared before an instant, at most `limit`; how many. */
  prune(workspace: WorkspaceId, before: Date, limit: number): Promise<number>;
}

type AlarmRow = Prisma.AlarmGetPayload<object>;

/** Makes the registry of alarms. */
export function createAlarmRegistry(database: Database): AlarmRegistry {
  return { ...createLookups(database), ...createChanges(database) };
}

function createLookups(database: Database): Pick<AlarmRegistry, 'find' | 'list' | 'count' | 'newestOf'> {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async find(workspace, ids) {
      const rows = await clientOf(workspace).alarm.findMany({ where: { id: { in: ids.filter(isText) } } });
      return rows.map(toAlarm);
    },
    async list(workspace, selection, { first, after, order }) {
      const rows = await clientOf(workspace).alarm.findMany({
        where: { AND: [toCondition(selection), after ? behind(order, after) : {}] },
        orderBy: ORDER_BY[order],
        take: first + 1,
      });
      return rows.map(toAlarm);
    },
    async count(workspace, selection) {
      const groups = await clientOf(workspace).alarm.groupBy({
        by: ['severity', 'state'],
        where: toCondition(selection),
        _count: true,
      });
      return groups.map(({ severity, state, _count: count }) => ({
        severity: severity as Severity,
        state: state as AlarmState,
        count,
      }));
    },
    async newestOf(workspace, deviceIds, { first, states }) {
      const rows = await clientOf(workspace).$queryRaw<{ readonly id: string }[]>`
        SELECT newest.id FROM unnest(${deviceIds.filter(isText)}::text[]) AS d(id)
        CROSS JOIN LATERAL (
          SELECT a.id FROM devices.alarms a
          WHERE a.workspace_id = ${workspace} AND a.device_id = d.id AND a.state = ANY(${[...states]}::text[])
          ORDER BY a.raised_at DESC, a.id DESC LIMIT ${first}
        ) newest`;
      const alarms = await clientOf(workspace).alarm.findMany({
        where: { id: { in: rows.map(({ id }) => id) } },
        orderBy: ORDER_BY.RAISED_AT_DESC,
      });
      return alarms.map(toAlarm);
    },
  };
}

function createChanges(database: Database): Omit<AlarmRegistry, 'find' | 'list' | 'count' | 'newestOf'> {
  return {
    async raise({ client, workspace }, alarms) {
      const rows = await client.alarm.createManyAndReturn({
        data: alarms.map((alarm) => ({
          ...alarm,
          workspaceId: workspace,
          state: 'RAISED',
          severityRank: rankOf(alarm.severity),
        })),
        skipDuplicates: true,
      });
      return rows.map(toAlarm);
    },
    async clear({ client }, { ids, at, reason }) {
      const rows = await client.alarm.updateManyAndReturn({
        where: { id: { in: [...ids] }, state: { not: 'CLEARED' } },
        data: { state: 'CLEARED', clearedAt: at, clearReason: reason },
      });
      return rows.map(toAlarm);
    },
    async acknowledge({ client }, { id, at, by, note }) {
      const [row] = await client.alarm.updateManyAndReturn({
        where: { id, acknowledgedAt: null },
        data: { acknowledgedAt: at, acknowledgedBy: by, acknowledgeNote: note },
      });
      if (!row) return undefined;
      if (row.state === 'CLEARED') return toAlarm(row);
      await client.alarm.updateMany({ where: { id }, data: { state: 'ACKNOWLEDGED' } });
      return toAlarm({ ...row, state: 'ACKNOWLEDGED' });
    },
    async clearByHand({ client }, { id, at, by, note }) {
      const [row] = await client.alarm.updateManyAndReturn({
        where: { id, state: { not: 'CLEARED' }, clearable: true },
        data: { state: 'CLEARED', clearedAt: at, clearReason: 'BY_HAND', clearedBy: by, clearNote: note },
      });
      return row && toAlarm(row);
    },
    prune: (workspace, before, limit) =>
      database.inWorkspace(workspace).client.$executeRaw`
        DELETE FROM devices.alarms WHERE workspace_id = ${workspace} AND id = ANY(ARRAY(
          SELECT id FROM devices.alarms
          WHERE workspace_id = ${workspace} AND state = 'CLEARED' AND cleared_at < ${before.toISOString()}::timestamptz
          LIMIT ${limit}
        ))`,
  };
}

const ORDER_BY = {
  RAISED_AT_DESC: [{ raisedAt: 'desc' }, { id: 'desc' }],
  RAISED_AT_ASC: [{ raisedAt: 'asc' }, { id: 'asc' }],
  SEVERITY: [{ severityRank: 'asc' }, { raisedAt: 'desc' }, { id: 'desc' }],
} satisfies Record<AlarmListOrder, Prisma.AlarmOrderByWithRelationInput[]>;

function behind(order: AlarmListOrder, { raisedAt, severityRank, id }: AlarmPlace): Prisma.AlarmWhereInput {
  if (order === 'RAISED_AT_ASC') {
    return { OR: [{ raisedAt: { gt: raisedAt } }, { raisedAt, id: { gt: id } }] };
  }
  const older = [{ raisedAt: { lt: raisedAt } }, { raisedAt, id: { lt: id } }];
  if (order === 'RAISED_AT_DESC') return { OR: older };
  return { OR: [{ severityRank: { gt: severityRank } }, { severityRank, OR: older }] };
}

function toCondition(selection: AlarmSelection): Prisma.AlarmWhereInput {
  const { states, severities, deviceIds, ruleIds, acknowledged, from, to } = selection;
  return {
    ...(states ? { state: { in: [...states] } } : {}),
    ...(severities ? { severity: { in: [...severities] } } : {}),
    ...(deviceIds ? { deviceId: { in: deviceIds.filter(isText) } } : {}),
    ...(ruleIds ? { ruleId: { in: ruleIds.filter(isText) } } : {}),
    ...(acknowledged === undefined ? {} : { acknowledgedAt: acknowledged ? { not: null } : null }),
    ...(from || to ? { raisedAt: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) } } : {}),
  };
}

function toAlarm({ workspaceId: _, severityRank: __, ...row }: AlarmRow): AlarmModel {
  return {
    ...row,
    severity: row.severity as Severity,
    state: row.state as AlarmState,
    clearReason: row.clearReason as ClearReason | null,
  };
}

/** A text of Postgres has no NUL: nothing is named by one that has. */
function isText(text: string): boolean {
  return !text.includes('\u0000');
}

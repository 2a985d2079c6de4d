import type { Database, Transaction } from '../../../../kernel/database/database.js';
import { Prisma } from '../../../../kernel/database/workspace.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { RolloutDeviceState } from '../../generated/schema-types.js';
import type { ChangeOrigin } from '../../registry.js';
import type { JsonObject } from '../../twin/merge-patch.js';
import type { RolloutDeviceModel, RolloutModel, RunModel, StageCounts } from '../models.js';
import type { RunRegistry } from '../runs/registry.js';
import { selectRows } from '../selection/registry.js';
import type { Selection } from '../selection/selection.js';
import type { RolloutPlan } from './check-rollout.js';

/** A device whose turn it is. */
export interface DueDevice {
  readonly deviceId: string;
  /** What is desired of it now. */
  readonly desired: JsonObject;
  /** The merge patch that takes the rollout back; null before it was told. */
  readonly former: JsonObject | null;
}

/** What is said of a rollout as a fact. */
export type RolloutFact = 'created' | 'paused' | 'resumed' | 'stage.completed' | 'rollback.started' | 'ended';

/** The rows of rollouts and their devices. */
export interface RolloutRegistry {
  /** Keeps a rollout with its devices, in their order, and makes its run. Undefined: no device is selected. */
  create(origin: RolloutOrigin, plan: RolloutPlan, selection: Selection): Promise<string | undefined>;
  findByIds(workspace: WorkspaceId, ids: readonly string[]): Promise<RolloutModel[]>;
  /** At most one more than `first`, newest first. */
  list(
    workspace: WorkspaceId,
    page: { readonly first: number; readonly after: string | undefined },
  ): Promise<RolloutModel[]>;
  /** By rollout and stage, in one statement. */
  countStages(workspace: WorkspaceId, ids: readonly string[]): Promise<StageCounts[]>;
  /** The devices of rollouts, a page of each, in one statement. */
  listDevices(workspace: WorkspaceId, pages: readonly RolloutDevicePage[]): Promise<RolloutDeviceModel[][]>;
  /** Looks at what devices have reported since, and at who is too late. */
  judge(workspace: WorkspaceId, rollout: RolloutModel): Promise<void>;
  /** Devices that are to be told, in their order: up to the present stage, and connected. */
  findDue(workspace: WorkspaceId, rollout: RolloutModel, limit: number): Promise<DueDevice[]>;
  /** Whether some device of the stages up to now is connected and waits. */
  hasReachable(workspace: WorkspaceId, rollout: RolloutModel): Promise<boolean>;
  /** Devices that were told and are still there, to be told otherwise. */
  findTold(workspace: WorkspaceId, id: string, limit: number): Promise<DueDevice[]>;
  markSending(workspace: WorkspaceId, id: string, device: DueDevice & { former: JsonObject }): Promise<void>;
  /** Moves devices from one state to another; how many. */
  move(workspace: WorkspaceId, id: string, move: DeviceMove): Promise<number>;
  /** Changes a rollout and states the fact, in one transaction. */
  change(origin: ChangeOrigin, id: string, change: RolloutChange): Promise<void>;
  /** The same with its run. Undefined: the run is in no state that allows it, and nothing was done. */
  act(
    origin: ChangeOrigin,
    id: string,
    action: 'pause' | 'resume' | 'rollback',
    note: string,
  ): Promise<RunModel | undefined>;
}

/** On whose behalf a rollout is made. */
export interface RolloutOrigin extends ChangeOrigin {
  /** Who asked for it. */
  readonly subject: string;
}

/** Which devices of a rollout. */
export interface RolloutDevicePage {
  readonly rolloutId: string;
  readonly after: number;
  readonly limit: number;
  readonly states: readonly RolloutDeviceState[] | null;
}

/** Devices that come from one state to another; all of the rollout when they are not named. */
export interface DeviceMove {
  readonly deviceIds?: readonly string[];
  readonly from: readonly RolloutDeviceState[];
  readonly to: RolloutDeviceState;
  readonly reason?: string;
  /** When they were told. */
  readonly sentAt?: Date;
}

/** What changes of a rollout, and the fact that is stated of it. */
export interface RolloutChange {
  readonly stage?: number;
  readonly stageDoneAt?: Date | null;
  readonly fact?: { readonly type: RolloutFact; readonly data: Readonly<Record<string, string | number>> };
}

export interface RolloutRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly runs: Pick<RunRegistry, 'create' | 'pause' | 'resume'>;
}

/** Devices that keep no connection count as reachable for this long after they were heard from, in seconds. */
const HEARD_WITHIN_SECONDS = 600;

const FINAL: readonly RolloutDeviceState[] = [
  'SUCCEEDED',
  'FAILED',
  'ROLLED_BACK',
  'ROLLBACK_FAILED',
  'CANCELLED',
];

/** Makes the registry of rollouts. */
export function createRolloutRegistry(deps: RolloutRegistryDeps): RolloutRegistry {
  const { database, log, runs } = deps;
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;

  async function stateFact(
    transaction: Transaction,
    id: string,
    { type, data, traceparent }: NonNullable<RolloutChange['fact']> & { readonly traceparent: string },
  ): Promise<void> {
    await log.append(transaction, {
      ...{ source: '/devices', type: `aegis.rollout.${type}`, subject: id, traceparent },
      data: { id, ...data },
    });
  }

  return {
    ...createReads(database),
    create: (origin, plan, selection) => insertRollout(deps, { origin, plan, selection, stateFact }),
    judge: (workspace, rollout) => judge(database, workspace, rollout),
    async markSending(workspace, id, { deviceId, former }) {
      await clientOf(workspace).rolloutDevice.updateMany({
        where: { rolloutId: id, deviceId, state: 'PENDING' },
        data: { state: 'SENDING', former: former as Prisma.InputJsonObject },
      });
    },
    async move(workspace, id, { deviceIds, from, to, ...rest }) {
      const { count } = await clientOf(workspace).rolloutDevice.updateMany({
        where: {
          ...{ rolloutId: id, state: { in: [...from] } },
          ...(deviceIds ? { deviceId: { in: [...deviceIds] } } : {}),
        },
        data: {
          state: to,
          ...rest,
          ...(FINAL.includes(to) ? { finishedAt: new Date() } : {}),
        },
      });
      return count;
    },
    async change({ workspace, traceparent }, id, { fact, ...change }) {
      await database.inWorkspace(workspace).transaction(async (transaction) => {
        await transaction.client.rollout.updateMany({ where: { id }, data: change });
        if (fact) await stateFact(transaction, id, { ...fact, traceparent });
      });
    },
    act: ({ workspace, traceparent }, id, action, note) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const run =
          action === 'pause'
            ? await runs.pause(transaction, id, note)
            : await runs.resume(transaction, id, { ended: action === 'rollback' });
        if (!run) return undefined;
        if (action === 'rollback') await takeBack(transaction, id);
        if (action === 'resume') await forgive(transaction, id);
        const type = FACT_OF[action];
        await stateFact(transaction, id, { type, data: { note }, traceparent });
        return run;
      }),
  };
}

type Reads = Pick<
  RolloutRegistry,
  'findByIds' | 'list' | 'countStages' | 'listDevices' | 'findDue' | 'hasReachable' | 'findTold'
>;

function createReads(database: Database): Reads {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async findByIds(workspace, ids) {
      const rows = await clientOf(workspace).rollout.findMany({ where: { id: { in: ids.filter(isText) } } });
      return rows as unknown as RolloutModel[];
    },
    async list(workspace, { first, after }) {
      const rows = await clientOf(workspace).rollout.findMany({
        where: after === undefined ? {} : { id: { lt: after } },
        orderBy: { id: 'desc' },
        take: first + 1,
      });
      return rows as unknown as RolloutModel[];
    },
    countStages: (workspace, ids) => clientOf(workspace).$queryRaw<StageCounts[]>`
      SELECT rollout_id AS id, stage, count(*)::int AS devices,
        count(*) FILTER (WHERE state = 'PENDING')::int AS pending,
        count(*) FILTER (WHERE state IN ('SENDING', 'SENT'))::int AS "inFlight",
        count(*) FILTER (WHERE state = 'SUCCEEDED')::int AS succeeded,
        count(*) FILTER (WHERE state IN ('FAILED', 'ROLLBACK_FAILED'))::int AS failed,
        count(*) FILTER (WHERE state = 'FAILED' AND NOT forgiven)::int AS unforgiven,
        count(*) FILTER (WHERE state = 'ROLLBACK_FAILED')::int AS "rollbackFailed"
      FROM devices.rollout_devices
      WHERE workspace_id = ${workspace} AND rollout_id = ANY(${[...ids]}::text[])
      GROUP BY rollout_id, stage ORDER BY rollout_id, stage`,
    listDevices: (workspace, pages) => listDevices(database, workspace, pages),
    findDue: (workspace, { id, stage }, limit) => clientOf(workspace).$queryRaw<DueDevice[]>`
      SELECT r.device_id AS "deviceId", coalesce(t.desired, '{}') AS desired, r.former
      FROM devices.rollout_devices r
      ${REACHABLE}
      LEFT JOIN devices.device_twins t ON t.workspace_id = r.workspace_id AND t.device_id = r.device_id
      WHERE r.workspace_id = ${workspace} AND r.rollout_id = ${id} AND r.stage <= ${stage}
        AND (r.state = 'SENDING' OR r.state = 'PENDING' AND ${IS_REACHABLE})
      ORDER BY r.state = 'PENDING', r.position LIMIT ${limit}`,
    async hasReachable(workspace, { id, stage }) {
      const rows = await clientOf(workspace).$queryRaw<unknown[]>`
        SELECT r.device_id FROM devices.rollout_devices r
        ${REACHABLE}
        WHERE r.workspace_id = ${workspace} AND r.rollout_id = ${id} AND r.stage <= ${stage}
          AND r.state = 'PENDING' AND ${IS_REACHABLE} LIMIT 1`;
      return rows.length > 0;
    },
    findTold: (workspace, id, limit) => clientOf(workspace).$queryRaw<DueDevice[]>`
      SELECT r.device_id AS "deviceId", '{}'::jsonb AS desired, r.former FROM devices.rollout_devices r
      JOIN devices.devices d ON d.workspace_id = r.workspace_id AND d.id = r.device_id
      WHERE r.workspace_id = ${workspace} AND r.rollout_id = ${id} AND r.former IS NOT NULL
        AND r.state IN ('SENDING', 'SENT', 'SUCCEEDED', 'FAILED')
      ORDER BY r.position LIMIT ${limit}`,
  };
}

const FACT_OF = { pause: 'paused', resume: 'resumed', rollback: 'rollback.started' } as const;

const REACHABLE = Prisma.sql`
  LEFT JOIN devices.device_connectivity c ON c.workspace_id = r.workspace_id AND c.device_id = r.device_id`;
const IS_REACHABLE = Prisma.sql`(
  c.state = 'ONLINE' OR c.last_seen_at >= now() - make_interval(secs => ${HEARD_WITHIN_SECONDS}::int)
)`;

/** Somebody has looked at the failures up to now, and goes on all the same. */
async function forgive({ client }: Transaction, id: string): Promise<void> {
  await client.rolloutDevice.updateMany({
    where: { rolloutId: id, state: 'FAILED' },
    data: { forgiven: true },
  });
}

/** Those that could not be taken back the last time are tried again. */
async function takeBack({ client }: Transaction, id: string): Promise<void> {
  await client.rollout.updateMany({ where: { id }, data: { rollingBack: true } });
  await client.rolloutDevice.updateMany({
    where: { rolloutId: id, state: 'ROLLBACK_FAILED' },
    data: { state: 'FAILED' },
  });
}

interface InsertRollout {
  readonly origin: RolloutOrigin;
  readonly plan: RolloutPlan;
  readonly selection: Selection;
  readonly stateFact: (
    transaction: Transaction,
    id: string,
    fact: NonNullable<RolloutChange['fact']> & { readonly traceparent: string },
  ) => Promise<void>;
}

/** The order is by chance, and the same whenever it is looked at: the hash of the device's id and the rollout's. */
function insertRollout(
  { database, runs }: RolloutRegistryDeps,
  { origin, plan, selection, stateFact }: InsertRollout,
): Promise<string | undefined> {
  const { workspace, traceparent, subject } = origin;
  const work = database.inWorkspace(workspace).transaction(async (transaction) => {
    const { client } = transaction;
    const id = await runs.create(transaction, 'ROLLOUT', null);
    const condition = await selectRows(client, selection);
    const percents = plan.stages.map(({ percent }) => percent);
    const total = await client.$executeRaw`
      INSERT INTO devices.rollout_devices (workspace_id, rollout_id, device_id, stage, position, state)
      SELECT ${workspace}, ${id}, id, (
        SELECT min(s.place) - 1 FROM unnest(${percents}::float8[]) WITH ORDINALITY AS s(percent, place)
        WHERE ordered.position <= ceil(s.percent * ordered.total / 100)
      ), position, 'PENDING'
      FROM (
        SELECT d.id, row_number() OVER (ORDER BY md5(d.id || ${id}))::int AS position, count(*) OVER () AS total
        FROM devices.devices d WHERE d.workspace_id = ${workspace} AND ${condition}
      ) ordered`;
    if (total === 0) throw new EmptySelection();
    await client.run.updateMany({ where: { id }, data: { total } });
    await client.rollout.create({
      data: {
        ...{ workspaceId: workspace, id, name: plan.name, traceparent, createdBy: subject },
        patch: plan.patch as Prisma.InputJsonObject,
        expected: plan.expected as Prisma.InputJsonObject,
        stages: plan.stages.map((stage) => ({ ...stage })),
        maxFailurePercent: plan.maxFailurePercent,
        deviceTimeoutMs: BigInt(plan.deviceTimeoutMs),
        maxInFlight: plan.maxInFlight,
        expiresAt: new Date(Date.now() + plan.expiresAfterMs),
      },
    });
    await stateFact(transaction, id, {
      type: 'created',
      data: { name: plan.name, devices: total },
      traceparent,
    });
    return id;
  });
  return work.catch((error: unknown) => {
    if (error instanceof EmptySelection) return undefined;
    throw error;
  });
}

/** Takes back what was written of a rollout to nobody. */
class EmptySelection extends Error {
  override readonly name = 'EmptySelection';
}

/**
 * Three statements over the devices that were told: those that report what is expected have succeeded; those that have
 * reported a failure since (one that is in the twin from before is another's), and those that were heard from and took too long, have failed. The time runs from when a device was
 * heard from after it was told.
 */
async function judge(database: Database, workspace: WorkspaceId, rollout: RolloutModel): Promise<void> {
  const { id, expected, patch, deviceTimeoutMs, expiresAt } = rollout;
  const { client } = database.inWorkspace(workspace);
  const timeoutSeconds = Number(deviceTimeoutMs) / 1_000;
  await client.$executeRaw`
    UPDATE devices.rollout_devices r SET
      seen_at = coalesce(r.seen_at, CASE WHEN c.state = 'ONLINE' OR c.last_seen_at >= r.sent_at THEN now() END),
      state = CASE WHEN t.reported @> ${JSON.stringify(expected)}::jsonb THEN 'SUCCEEDED'
        WHEN failure.reason IS NOT NULL THEN 'FAILED'
        WHEN r.seen_at < now() - make_interval(secs => ${timeoutSeconds}::float8) THEN 'FAILED' ELSE r.state END,
      reason = CASE WHEN t.reported @> ${JSON.stringify(expected)}::jsonb THEN NULL
        WHEN failure.reason IS NOT NULL THEN failure.reason
        WHEN r.seen_at < now() - make_interval(secs => ${timeoutSeconds}::float8)
          THEN ${`It did not report what is expected within ${timeoutSeconds} s.`} ELSE r.reason END
    FROM devices.rollout_devices told
    LEFT JOIN devices.device_connectivity c ON c.workspace_id = told.workspace_id AND c.device_id = told.device_id
    LEFT JOIN devices.device_twins t ON t.workspace_id = told.workspace_id AND t.device_id = told.device_id
    LEFT JOIN LATERAL (
      SELECT left(coalesce(t.reported -> key ->> 'error', 'It reports that it failed.'), 500) AS reason
      FROM unnest(${Object.keys(patch)}::text[]) AS key
      WHERE t.reported_at >= told.sent_at AND t.reported -> key ->> 'state' = 'FAILED' AND EXISTS (
        SELECT FROM devices.twin_changes h
        WHERE h.workspace_id = told.workspace_id AND h.device_id = told.device_id AND h.side = 'REPORTED'
          AND h.changed_at >= told.sent_at AND h.patch -> key ->> 'state' = 'FAILED'
      ) LIMIT 1
    ) failure ON TRUE
    WHERE told.workspace_id = ${workspace} AND told.rollout_id = ${id} AND told.state = 'SENT'
      AND r.workspace_id = told.workspace_id AND r.rollout_id = told.rollout_id AND r.device_id = told.device_id`;
  await client.$executeRaw`
    UPDATE devices.rollout_devices r SET state = 'CANCELLED', reason = 'The device was removed.'
    WHERE r.workspace_id = ${workspace} AND r.rollout_id = ${id} AND r.state IN ('PENDING', 'SENDING', 'SENT')
      AND NOT EXISTS (
        SELECT FROM devices.devices d WHERE d.workspace_id = r.workspace_id AND d.id = r.device_id
      )`;
  if (expiresAt.getTime() <= Date.now()) {
    await client.rolloutDevice.updateMany({
      where: { rolloutId: id, state: { in: ['PENDING', 'SENDING', 'SENT'] } },
      data: { state: 'FAILED', reason: 'It was not reached before the rollout expired.' },
    });
  }
  await client.rolloutDevice.updateMany({
    where: { rolloutId: id, state: { in: [...FINAL] }, finishedAt: null },
    data: { finishedAt: new Date() },
  });
}

async function listDevices(
  database: Database,
  workspace: WorkspaceId,
  pages: readonly RolloutDevicePage[],
): Promise<RolloutDeviceModel[][]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<
    (RolloutDeviceModel & { readonly place: number })[]
  >`
    SELECT p.place::int AS place, r.* FROM unnest(
      ${pages.map(({ rolloutId }) => rolloutId)}::text[], ${pages.map(({ after }) => after)}::int[],
      ${pages.map(({ limit }) => limit)}::int[], ${pages.map(({ states }) => states?.join(',') ?? null)}::text[]
    ) WITH ORDINALITY AS p(rollout_id, after, most, states, place)
    CROSS JOIN LATERAL (
      SELECT device_id AS "deviceId", position, stage, state, reason, sent_at AS "sentAt", finished_at AS "finishedAt"
      FROM devices.rollout_devices
      WHERE workspace_id = ${workspace} AND rollout_id = p.rollout_id AND position > p.after
        AND (p.states IS NULL OR state = ANY(string_to_array(p.states, ',')))
      ORDER BY position LIMIT p.most
    ) r
    ORDER BY p.place, r.position`;
  const lists: RolloutDeviceModel[][] = pages.map(() => []);
  for (const { place, ...row } of rows) lists[place - 1]?.push(row);
  return lists;
}

function isText(text: string): boolean {
  return !text.includes('\u0000');
}

import type { Database, Transaction } from '../../../../kernel/database/database.js';
import { Prisma } from '../../../../kernel/database/workspace.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ChangeOrigin } from '../../registry.js';
import type { AlignedInput, FusionMemory, RefusedInput } from '../fusion-step.js';
import type { StandingFusionModel, StoredPoint } from './models.js';
import type { FusionDefinition } from './standing-fusion.js';

/** What a fusion has come to, with the points on the way. */
export interface FusionProgress {
  readonly id: string;
  /** The definition that it was computed by: nothing is written when there is another one by now. */
  readonly updatedAt: Date;
  readonly points: readonly StoredPoint[];
  readonly unit: string | null;
  readonly nextAt: Date;
  /** Set when instants were skipped. */
  readonly skippedThrough: Date | null;
  readonly memory: FusionMemory;
  readonly lateInputs: number;
  readonly problem: string | null;
}

/** The most standing fusions of a workspace. */
export const MAX_STANDING_FUSIONS = 100;

/** Rows of standing fusions and their points, in and out. */
export interface StandingFusionRegistry {
  find(workspace: WorkspaceId, ids: readonly string[]): Promise<StandingFusionModel[]>;
  /** By name, at most one more than `first`. */
  list(
    workspace: WorkspaceId,
    page: { readonly first: number; readonly after: string | undefined },
  ): Promise<StandingFusionModel[]>;
  all(workspace: WorkspaceId): Promise<StandingFusionModel[]>;
  create(
    origin: ChangeOrigin,
    fusion: { readonly name: string; readonly definition: FusionDefinition; readonly nextAt: Date },
  ): Promise<StandingFusionModel | 'NAME_TAKEN' | 'TOO_MANY'>;
  /** `restart`: the filter begins anew. */
  update(
    origin: ChangeOrigin,
    id: string,
    change: {
      readonly name: string;
      readonly definition: FusionDefinition;
      readonly restart: { readonly nextAt: Date } | undefined;
    },
  ): Promise<StandingFusionModel | 'NAME_TAKEN' | 'NOT_FOUND'>;
  remove(origin: ChangeOrigin, id: string): Promise<'REMOVED' | 'NOT_FOUND'>;
  /** Writes points and what the filter carries, together. False when the fusion was changed or removed meanwhile. */
  advance(transaction: Transaction, progress: FusionProgress): Promise<boolean>;
  /** Points from an instant up to but without another, oldest first. */
  points(
    workspace: WorkspaceId,
    id: string,
    range: { readonly from: Date; readonly to: Date | undefined; readonly limit: number },
  ): Promise<StoredPoint[]>;
  /** Removes points before an instant, at most `limit`; how many. */
  prune(workspace: WorkspaceId, id: string, before: Date, limit: number): Promise<number>;
  /** Metrics and devices: those of a selection that declare the metric, at most `limit`, by their ids. */
  declaring(workspace: WorkspaceId, metric: string, ids: readonly string[], limit: number): Promise<string[]>;
}

type FusionRow = Prisma.StandingFusionGetPayload<object>;
type PointRow = Prisma.FusionPointGetPayload<object>;
type FactType = 'aegis.fusion.created' | 'aegis.fusion.updated' | 'aegis.fusion.removed';

export interface StandingFusionRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
}

/** Makes the registry of standing fusions. */
export function createStandingFusionRegistry(deps: StandingFusionRegistryDeps): StandingFusionRegistry {
  return { ...createReads(deps.database), ...createChanges(deps), ...createPoints(deps.database) };
}

function createReads(database: Database) {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    find: async (workspace: WorkspaceId, ids: readonly string[]) =>
      (await clientOf(workspace).standingFusion.findMany({ where: { id: { in: ids.filter(isText) } } })).map(
        toFusion,
      ),
    list: async (workspace: WorkspaceId, { first, after }: { first: number; after: string | undefined }) => {
      const rows = await clientOf(workspace).standingFusion.findMany({
        where: after === undefined ? {} : { name: { gt: after } },
        orderBy: { name: 'asc' },
        take: first + 1,
      });
      return rows.map(toFusion);
    },
    all: async (workspace: WorkspaceId) =>
      (await clientOf(workspace).standingFusion.findMany({ orderBy: { id: 'asc' } })).map(toFusion),
    declaring: async (workspace: WorkspaceId, metric: string, ids: readonly string[], limit: number) => {
      const rows = await clientOf(workspace).deviceMetric.findMany({
        where: { name: metric, deviceId: { in: [...ids] } },
        select: { deviceId: true },
        orderBy: { deviceId: 'asc' },
        take: limit,
      });
      return rows.map(({ deviceId }) => deviceId);
    },
  };
}

type Changes = Pick<StandingFusionRegistry, 'create' | 'update' | 'remove'>;

function createChanges({ database, log }: StandingFusionRegistryDeps): Changes {
  const state = (transaction: Transaction, type: FactType, { id, name }: FusionRow, traceparent: string) =>
    log.append(transaction, { source: '/devices', type, subject: id, data: { id, name }, traceparent });

  return {
    create: ({ workspace, traceparent }, { name, definition, nextAt }) =>
      refuseTakenName(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          const { client } = transaction;
          if ((await client.standingFusion.count()) >= MAX_STANDING_FUSIONS) return 'TOO_MANY';
          const row = await client.standingFusion.create({
            data: { workspaceId: workspace, id: newId('fus'), name, definition: toJson(definition), nextAt },
          });
          await state(transaction, 'aegis.fusion.created', row, traceparent);
          return toFusion(row);
        }),
      ),
    update: ({ workspace, traceparent }, id, { name, definition, restart }) =>
      refuseTakenName(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          if (!isText(id)) return 'NOT_FOUND';
          const anew = restart && {
            nextAt: restart.nextAt,
            filterState: Prisma.DbNull,
            unit: null,
            problem: null,
          };
          const [row] = await transaction.client.standingFusion.updateManyAndReturn({
            where: { id },
            data: { name, definition: toJson(definition), ...anew },
          });
          if (!row) return 'NOT_FOUND';
          await state(transaction, 'aegis.fusion.updated', row, traceparent);
          return toFusion(row);
        }),
      ),
    remove: ({ workspace, traceparent }, id) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const row = isText(id) ? await transaction.client.standingFusion.findFirst({ where: { id } }) : null;
        if (!row) return 'NOT_FOUND';
        const { count } = await transaction.client.standingFusion.deleteMany({ where: { id } });
        if (count === 0) return 'NOT_FOUND';
        await state(transaction, 'aegis.fusion.removed', row, traceparent);
        return 'REMOVED';
      }),
  };
}

function createPoints(database: Database): Pick<StandingFusionRegistry, 'advance' | 'points' | 'prune'> {
  return {
    async advance({ client, workspace }, progress) {
      const { id, updatedAt, points, unit, nextAt, skippedThrough, memory, lateInputs, problem } = progress;
      // What is computed is no change of the fusion: its `updatedAt` stays.
      const count = await client.$executeRaw`
        UPDATE devices.standing_fusions SET
          unit = ${unit}, next_at = ${nextAt.toISOString()}::timestamptz, filter_state = ${JSON.stringify(memory)}::jsonb,
          late_inputs = late_inputs + ${lateInputs}::bigint, problem = ${problem},
          pruned_at = greatest(pruned_at, ${skippedThrough?.toISOString() ?? null}::timestamptz)
        WHERE workspace_id = ${workspace} AND id = ${id} AND updated_at = ${updatedAt.toISOString()}::timestamptz`;
      if (count === 0) return false;
      await client.fusionPoint.createMany({
        data: points.map(({ used, refused, ...point }) => ({
          ...point,
          workspaceId: workspace,
          fusionId: id,
          used: toJson(used),
          refused: toJson(refused),
        })),
        skipDuplicates: true,
      });
      return true;
    },
    async points(workspace, id, { from, to, limit }) {
      const rows = await database.inWorkspace(workspace).client.fusionPoint.findMany({
        where: { fusionId: id, at: { gte: from, ...(to ? { lt: to } : {}) } },
        orderBy: { at: 'asc' },
        take: limit,
      });
      return rows.map(toPoint);
    },
    async prune(workspace, id, before, limit) {
      const { client } = database.inWorkspace(workspace);
      const [row] = await client.$queryRaw<{ readonly removed: number }[]>`
        WITH removed AS (
          DELETE FROM devices.fusion_points WHERE workspace_id = ${workspace} AND fusion_id = ${id} AND at IN (
            SELECT at FROM devices.fusion_points
            WHERE workspace_id = ${workspace} AND fusion_id = ${id} AND at < ${before.toISOString()}::timestamptz
            ORDER BY at LIMIT ${limit}
          ) RETURNING at
        ), marked AS (
          UPDATE devices.standing_fusions SET pruned_at = greatest(pruned_at, newest.at)
          FROM (SELECT max(at) AS at FROM removed) newest
          WHERE workspace_id = ${workspace} AND id = ${id} AND newest.at IS NOT NULL
        )
        SELECT count(*)::int AS removed FROM removed`;
      return row?.removed ?? 0;
    },
  };
}

function toFusion({ workspaceId: _, definition, filterState, ...row }: FusionRow): StandingFusionModel {
  return {
    ...row,
    // Checked before it was kept.
    definition: definition as unknown as FusionDefinition,
    memory: (filterState ?? {}) as FusionMemory,
  };
}

function toPoint({ workspaceId: _, fusionId: __, used, refused, ...point }: PointRow): StoredPoint {
  return {
    ...point,
    used: used as unknown as AlignedInput[],
    refused: refused as unknown as RefusedInput[],
  };
}

function toJson(value: unknown): Prisma.InputJsonObject {
  return JSON.parse(JSON.stringify(value)) as Prisma.InputJsonObject;
}

/** The unique index decides between two of one name at the same moment. */
async function refuseTakenName<T>(work: Promise<T>): Promise<T | 'NAME_TAKEN'> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return 'NAME_TAKEN';
    throw error;
  }
}

/** A text of Postgres has no NUL: nothing is named by one that has. */
function isText(text: string): boolean {
  return !text.includes('\u0000');
}

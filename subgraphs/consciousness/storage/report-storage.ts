import { z } from 'zod';
import type { Database, Transaction } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Standing } from '../metrics/describe-metrics.js';
import { validationCheck } from '../reports/cross-validation.js';
import { recover } from '../reports/reputation.js';
import { reportedNumbers, type ReportedNumbers } from '../reports/wire-format.js';

/** A stored report, and what came of its checks. */
export type Report = Readonly<z.infer<typeof reportRow>>;

const reportRow = z.object({
  id: z.string(),
  nodeIndex: z.int(),
  reportedAt: z.date(),
  receivedAt: z.date(),
  door: z.enum(['GRAPHQL', 'HTTP', 'MQTT']),
  numbers: reportedNumbers,
  valid: z.boolean(),
  checks: z.array(validationCheck),
  reputation: z.number(),
});

/** How far a node was believed after its newest report. */
export interface StoredStanding {
  readonly nodeIndex: number;
  readonly reputation: number;
  readonly valid: boolean;
  readonly level: number | null;
  readonly reportId: string;
  readonly updatedAt: Date;
}

/** Which reports to read: newest first, behind one, of one node, of one verdict. */
export interface ReportQuery {
  readonly first: number;
  readonly beforeId?: string | undefined;
  readonly nodeIndex?: number | undefined;
  readonly valid?: boolean | undefined;
}

/** The stored reports of one workspace. */
export interface ReportStorage {
  /** Makes others that judge a node wait until this transaction has ended. */
  lock(transaction: Transaction): Promise<void>;
  findStanding(transaction: Transaction, nodeIndex: number): Promise<StoredStanding | undefined>;
  /** The report of a node that was measured at an instant, by the node's clock. */
  findReport(transaction: Transaction, nodeIndex: number, reportedAt: Date): Promise<Report | undefined>;
  /** The report that the standing of a node rests on; undefined when it has been removed. */
  findReportOf(transaction: Transaction, standing: StoredStanding): Promise<Report | undefined>;
  /** Stores a report, and with it the standing of its node when that rests on it. */
  insert(transaction: Transaction, report: Report, hasEffect: boolean): Promise<void>;
  listStandings(): Promise<readonly StoredStanding[]>;
  /** One report more than `first` when there are more. */
  list(query: ReportQuery): Promise<readonly Report[]>;
  /** The newest valid numbers of these nodes, received since an instant, by the node's index. */
  findNewest(nodeIndexes: readonly number[], since: Date): Promise<ReadonlyMap<number, ReportedNumbers>>;
  /** Removes reports that came before an instant, at most `limit`; returns how many it removed. */
  prune(before: Date, limit: number): Promise<number>;
}

/** With the workspace's hash: taken by a transaction that judges a node. */
const JUDGE_LOCK = 7_263_104;

/** The reports of a workspace: rows in, rows out. */
export function createReportStorage(database: Database, workspace: WorkspaceId): ReportStorage {
  const { client } = database.inWorkspace(workspace);
  return {
    async lock({ client: inside }) {
      await inside.$executeRaw`SELECT pg_advisory_xact_lock(${JUDGE_LOCK}::int, hashtext(${workspace}))`;
    },
    async findStanding({ client: inside }, nodeIndex) {
      return (await inside.nodeStanding.findFirst({ where: { nodeIndex } })) ?? undefined;
    },
    async findReport({ client: inside }, nodeIndex, reportedAt) {
      const row = await inside.nodeReport.findFirst({ where: { nodeIndex, reportedAt } });
      return row ? reportRow.parse(row) : undefined;
    },
    async findReportOf({ client: inside }, { reportId }) {
      const row = await inside.nodeReport.findFirst({ where: { id: reportId } });
      return row ? reportRow.parse(row) : undefined;
    },
    async insert({ client: inside }, { numbers, checks, ...report }, hasEffect) {
      const { nodeIndex, reputation, valid } = report;
      await inside.nodeReport.create({
        data: { workspaceId: workspace, ...report, numbers: { ...numbers }, checks: [...checks] },
      });
      if (!hasEffect) return;
      const level = valid ? numbers.level : null;
      const standing = { reputation, valid, level, reportId: report.id, updatedAt: report.receivedAt };
      await inside.nodeStanding.upsert({
        where: { workspaceId_nodeIndex: { workspaceId: workspace, nodeIndex } },
        create: { workspaceId: workspace, nodeIndex, ...standing },
        update: standing,
      });
    },
    listStandings: () => client.nodeStanding.findMany({ orderBy: { nodeIndex: 'asc' } }),
    async list({ first, beforeId, nodeIndex, valid }) {
      const rows = await client.nodeReport.findMany({
        // Ids grow with time.
        where: {
          ...(beforeId === undefined ? {} : { id: { lt: beforeId } }),
          ...(nodeIndex === undefined ? {} : { nodeIndex }),
          ...(valid === undefined ? {} : { valid }),
        },
        orderBy: { id: 'desc' },
        take: first + 1,
      });
      return rows.map((row) => reportRow.parse(row));
    },
    async findNewest(nodeIndexes, since) {
      const rows = await client.$queryRaw<{ nodeIndex: number; numbers: unknown }[]>`
        SELECT DISTINCT ON (node_index) node_index AS "nodeIndex", numbers
        FROM consciousness.node_reports
        WHERE workspace_id = ${workspace} AND node_index = ANY(${[...nodeIndexes]}::int[])
          AND valid AND received_at >= ${since}::timestamptz
        ORDER BY node_index, reported_at DESC`;
      return new Map(rows.map(({ nodeIndex, numbers }) => [nodeIndex, reportedNumbers.parse(numbers)]));
    },
    async prune(before, limit) {
      const doomed = await client.nodeReport.findMany({
        where: { receivedAt: { lt: before } },
        select: { id: true },
        take: limit,
      });
      const ids = doomed.map(({ id }) => id);
      return (await client.nodeReport.deleteMany({ where: { id: { in: ids } } })).count;
    },
  };
}

/** How far each node is to be believed at an instant, by its index. */
export function standingsAt(stored: readonly StoredStanding[], at: Date): ReadonlyMap<number, Standing> {
  return new Map(
    stored.map(({ nodeIndex, reputation, valid, level, updatedAt }) => {
      const ageMs = Math.max(0, at.getTime() - updatedAt.getTime());
      return [nodeIndex, { reputation: recover(reputation, ageMs), valid, level, ageMs }];
    }),
  );
}

import type { Database, Transaction } from '../../../../kernel/database/database.js';
import { Prisma } from '../../../../kernel/database/workspace.js';
import type { EventLog, NewEvent } from '../../../../kernel/events/event-log.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { DeviceImportRejection, ExistingDevicePolicy } from '../../generated/schema-types.js';
import { toMetricRows, toPinColumns, type ChangeOrigin, type Registration } from '../../registry.js';
import type { DeviceImportModel } from '../models.js';
import type { RunRegistry } from '../runs/registry.js';
import type { CheckedRow, RowDevice } from './check-row.js';

/** A table that is to be taken. */
export interface NewImport {
  readonly dryRun: boolean;
  readonly onExisting: ExistingDevicePolicy;
  readonly header: readonly string[];
  readonly rows: readonly CheckedRow[];
}

/** How a table is taken. */
export interface StoredImport {
  readonly dryRun: boolean;
  readonly onExisting: ExistingDevicePolicy;
  readonly traceparent: string;
}

/** A row that waits. */
export interface PendingRow {
  readonly line: number;
  readonly device: RowDevice;
}

/** A device that a row names and that is there already. */
export interface ExistingDevice {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly labels: unknown;
  readonly profileName: string | null;
  readonly profileVersion: number | null;
}

/** What came of a row. */
export interface RowOutcome {
  readonly line: number;
  readonly outcome: 'CREATED' | 'UPDATED' | 'UNCHANGED' | 'REJECTED';
  readonly reason?: string | undefined;
}

/** The rows of tables. */
export interface ImportRegistry {
  /** Keeps a table and makes the run that takes it; the run's id. */
  create(origin: ChangeOrigin, table: NewImport): Promise<string>;
  find(workspace: WorkspaceId, id: string): Promise<StoredImport | undefined>;
  /** The next rows that wait, by line. */
  findPending(workspace: WorkspaceId, id: string, limit: number): Promise<PendingRow[]>;
  findExisting(workspace: WorkspaceId, names: readonly string[]): Promise<ExistingDevice[]>;
  /**
   * Registers devices, states the facts and writes what came of their rows and of others, in one transaction.
   * `NAME_TAKEN`: somebody has registered one of them meanwhile, and nothing was done.
   */
  commit(origin: ChangeOrigin, id: string, batch: ImportBatch): Promise<'DONE' | 'NAME_TAKEN'>;
  /** How many rows are done with. */
  countDone(workspace: WorkspaceId, id: string): Promise<number>;
  /** What tables came to, by id, in one statement. */
  summarise(workspace: WorkspaceId, ids: readonly string[]): Promise<Map<string, DeviceImportModel>>;
  /** Refused rows of several tables, each behind a line and at most `limit`, in one statement. */
  listRejected(workspace: WorkspaceId, pages: readonly RejectedPage[]): Promise<RejectedRow[][]>;
}

/** What one step of a run writes. */
export interface ImportBatch {
  readonly registrations: readonly Registration[];
  readonly outcomes: readonly RowOutcome[];
}

/** Which refused rows. */
export interface RejectedPage {
  readonly importId: string;
  readonly after: number;
  readonly limit: number;
}

export type RejectedRow = DeviceImportRejection & { readonly cells: readonly string[] };

export interface ImportRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly runs: Pick<RunRegistry, 'create'>;
  /** Told of each device that was registered, once that is committed. */
  readonly onChange: (workspace: WorkspaceId, device: { readonly id: string; readonly name: string }) => void;
}

const ROWS_PER_STATEMENT = 1_000;

/** Makes the registry of tables. */
export function createImportRegistry(deps: ImportRegistryDeps): ImportRegistry {
  const { database, runs } = deps;
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    create: (origin, table) =>
      database.inWorkspace(origin.workspace).transaction(async (transaction) => {
        const id = await runs.create(transaction, 'DEVICE_IMPORT', table.rows.length);
        await insertTable(transaction, { id, table, traceparent: origin.traceparent });
        return id;
      }),
    async find(workspace, id) {
      const row = await clientOf(workspace).deviceImport.findFirst({ where: { id } });
      return row === null ? undefined : (row as StoredImport);
    },
    async findPending(workspace, id, limit) {
      const rows = await clientOf(workspace).deviceImportRow.findMany({
        where: { importId: id, outcome: 'PENDING' },
        select: { line: true, device: true },
        orderBy: { line: 'asc' },
        take: limit,
      });
      return rows as unknown as PendingRow[];
    },
    findExisting: (workspace, names) =>
      clientOf(workspace).device.findMany({
        where: { name: { in: [...names] } },
        select: {
          ...{ id: true, name: true, description: true, labels: true },
          ...{ profileName: true, profileVersion: true },
        },
      }),
    async commit(origin, id, batch) {
      try {
        await database
          .inWorkspace(origin.workspace)
          .transaction((transaction) => writeBatch(transaction, { origin, id, batch, deps }));
        return 'DONE';
      } catch (error) {
        if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002')
          return 'NAME_TAKEN';
        throw error;
      }
    },
    countDone: (workspace, id) =>
      clientOf(workspace).deviceImportRow.count({ where: { importId: id, outcome: { not: 'PENDING' } } }),
    summarise: (workspace, ids) => summarise(database, workspace, ids),
    listRejected: (workspace, pages) => listRejected(database, workspace, pages),
  };
}

interface InsertTable {
  readonly id: string;
  readonly table: NewImport;
  readonly traceparent: string;
}

async function insertTable(
  { client, workspace: workspaceId }: Transaction,
  { id, table: { dryRun, onExisting, header, rows }, traceparent }: InsertTable,
): Promise<void> {
  await client.deviceImport.create({
    data: { workspaceId, id, dryRun, onExisting, header: [...header], traceparent },
  });
  for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
    await client.deviceImportRow.createMany({
      data: rows.slice(from, from + ROWS_PER_STATEMENT).map((row) => ({
        ...{ workspaceId, importId: id, line: row.line, name: cleanText(row.name) },
        cells: row.cells.map(cleanText),
        ...('device' in row
          ? { outcome: 'PENDING', device: row.device as unknown as Prisma.InputJsonObject }
          : { outcome: 'REJECTED', reason: cleanText(row.reason) }),
      })),
    });
  }
}

interface WriteBatch {
  readonly origin: ChangeOrigin;
  readonly id: string;
  readonly batch: ImportBatch;
  readonly deps: ImportRegistryDeps;
}

async function writeBatch(transaction: Transaction, { origin, id, batch, deps }: WriteBatch): Promise<void> {
  const { client, workspace } = transaction;
  const devices = batch.registrations.map((registration) => ({ ...registration, id: newId('dev') }));
  await writeOutcomes(transaction, id, batch.outcomes);
  if (devices.length === 0) return;
  await client.device.createMany({
    data: devices.map((device) => ({
      ...{ workspaceId: workspace, id: device.id, name: device.name, description: device.description },
      ...{ labels: device.labels, ...toPinColumns(device.profile) },
    })),
  });
  await client.deviceMetric.createMany({
    data: devices.flatMap((device) => toMetricRows(workspace, device.id, allMetrics(device))),
  });
  await deps.log.appendAll(
    transaction,
    devices.map((device) => registered(device, origin.traceparent)),
  );
  transaction.afterCommit(() => {
    for (const device of devices) deps.onChange(workspace, device);
  });
}

function allMetrics({ profile, metrics }: Registration): Registration['metrics'] {
  return [...(profile?.metrics ?? []), ...metrics];
}

function registered(device: Registration & { readonly id: string }, traceparent: string): NewEvent {
  const metrics = allMetrics(device).map(({ name, unit }) => ({ name, unit }));
  const { id, name } = device;
  return {
    ...{ source: '/devices', type: 'aegis.device.registered', subject: id, traceparent },
    data: { id, name, metrics },
  };
}

async function writeOutcomes(
  { client, workspace }: Transaction,
  id: string,
  outcomes: readonly RowOutcome[],
): Promise<void> {
  await client.$executeRaw`
    UPDATE devices.device_import_rows r SET outcome = o.outcome, reason = o.reason
    FROM unnest(
      ${outcomes.map(({ line }) => line)}::int[], ${outcomes.map(({ outcome }) => outcome)}::text[],
      ${outcomes.map(({ reason }) => reason ?? null)}::text[]
    ) AS o(line, outcome, reason)
    WHERE r.workspace_id = ${workspace} AND r.import_id = ${id} AND r.line = o.line`;
}

async function listRejected(
  database: Database,
  workspace: WorkspaceId,
  pages: readonly RejectedPage[],
): Promise<RejectedRow[][]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<
    (RejectedRow & { readonly place: number })[]
  >`
    SELECT p.place::int AS place, r.line, r.name, coalesce(r.reason, '') AS reason, r.cells
    FROM unnest(
      ${pages.map(({ importId }) => importId)}::text[], ${pages.map(({ after }) => after)}::int[],
      ${pages.map(({ limit }) => limit)}::int[]
    ) WITH ORDINALITY AS p(import_id, after, most, place)
    CROSS JOIN LATERAL (
      SELECT line, name, reason, cells FROM devices.device_import_rows
      WHERE workspace_id = ${workspace} AND import_id = p.import_id AND outcome = 'REJECTED' AND line > p.after
      ORDER BY line LIMIT p.most
    ) r
    ORDER BY p.place, r.line`;
  const lists: RejectedRow[][] = pages.map(() => []);
  for (const { place, ...row } of rows) lists[place - 1]?.push(row);
  return lists;
}

interface SummaryRow {
  readonly id: string;
  readonly header: string[];
  readonly dry_run: boolean;
  readonly on_existing: ExistingDevicePolicy;
  readonly rows: number;
  readonly pending: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
}

async function summarise(
  database: Database,
  workspace: WorkspaceId,
  ids: readonly string[],
): Promise<Map<string, DeviceImportModel>> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<SummaryRow[]>`
    SELECT i.id, i.header, i.dry_run, i.on_existing, count(*)::int AS rows,
      count(*) FILTER (WHERE r.outcome = 'PENDING')::int AS pending,
      count(*) FILTER (WHERE r.outcome = 'CREATED')::int AS created,
      count(*) FILTER (WHERE r.outcome = 'UPDATED')::int AS updated,
      count(*) FILTER (WHERE r.outcome = 'UNCHANGED')::int AS unchanged,
      count(*) FILTER (WHERE r.outcome = 'REJECTED')::int AS rejected
    FROM devices.device_imports i
    JOIN devices.device_import_rows r ON r.workspace_id = i.workspace_id AND r.import_id = i.id
    WHERE i.workspace_id = ${workspace} AND i.id = ANY(${[...ids]}::text[])
    GROUP BY i.id, i.header, i.dry_run, i.on_existing`;
  return new Map(
    rows.map(({ dry_run: dryRun, on_existing: onExisting, ...row }) => [
      row.id,
      { ...row, dryRun, onExisting },
    ]),
  );
}

/** Postgres takes no NUL in a text. */
function cleanText(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD');
}

import type { Database, Transaction } from '../../../kernel/database/database.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { parsePartition, planPartition, type Partition, type PartitionLayout } from './partition-plan.js';

/** The tables whose rows lie in partitions by time. */
export type PartitionedTable = 'readings' | 'reading_minutes' | 'reading_hours';

/** The partitions of one table, which all workspaces share. */
export interface Partitions {
  readonly table: PartitionedTable;
  /** Makes sure that there is a partition for each instant, in milliseconds since 1970. Without a promise when all are known. */
  ensure(instantsMs: Iterable<number>): Promise<void> | undefined;
  /** What there is, oldest first: read anew. */
  list(): Promise<readonly Partition[]>;
  /** Reads anew what there is when it is needed next: another process has dropped some. */
  forget(): void;
  /** Makes sure of today and tomorrow. */
  ensureAhead(): Promise<void>;
}

export interface PartitionsDeps {
  readonly database: Database;
  readonly table: PartitionedTable;
  readonly layout?: PartitionLayout;
  readonly now?: () => number;
}

const DAY_MS = 86_400_000;

/** Days of the last five to nine weeks; minutes by month, hours by year: their rows are few. */
const LAYOUTS: Readonly<Record<PartitionedTable, PartitionLayout>> = {
  readings: { grain: 'day', fineDays: 35 },
  reading_minutes: { grain: 'month', fineDays: 400 },
  reading_hours: { grain: 'year', fineDays: 400 },
};

/** Held while partitions are made, so that two processes do not make the same one. */
const LOCK = 72_707_370;
const LOCK_TIMEOUT_MS = 10_000;

/** Makes the keeper of a table's partitions. */
export function createPartitions(deps: PartitionsDeps): Partitions {
  const { database, table, now = Date.now } = deps;
  const layout = deps.layout ?? LAYOUTS[table];
  // Of all workspaces, but the way to the database is through one.
  const rows = database.inWorkspace(DEFAULT_WORKSPACE);
  let known: readonly Partition[] = [];
  let last: Partition | undefined;
  let making: Promise<void> = Promise.resolve();

  function isKnown(atMs: number): boolean {
    if (last && atMs >= last.fromMs && atMs < last.toMs) return true;
    last = known.find(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
    return last !== undefined;
  }

  function remember(partitions: readonly Partition[]): void {
    known = partitions;
    last = undefined;
  }

  async function make(missing: readonly number[]): Promise<void> {
    const partitions = await rows.transaction(async (transaction) => {
      await transaction.client.$executeRawUnsafe(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await transaction.client.$queryRaw`SELECT pg_advisory_xact_lock(${LOCK}::bigint)::text`;
      const existing = [...(await readPartitions(transaction, table))];
      for (const atMs of missing) {
        if (existing.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)) continue;
        const partition = planPartition(table, atMs, { layout, nowMs: now(), existing });
        await createPartition(transaction, table, partition);
        existing.push(partition);
      }
      return existing;
    });
    remember(partitions);
  }

  function ensure(instantsMs: Iterable<number>): Promise<void> | undefined {
    const missing: number[] = [];
    for (const atMs of instantsMs) if (!isKnown(atMs)) missing.push(atMs);
    if (missing.length === 0) return undefined;
    // One after the other: the second may find that the first has made what it needs.
    const made = making.then(() => make(missing));
    making = made.catch(() => undefined);
    return made;
  }

  return {
    table,
    ensure,
    async list() {
      remember(await rows.transaction((transaction) => readPartitions(transaction, table)));
      return known;
    },
    forget() {
      remember([]);
    },
    async ensureAhead() {
      await ensure([now(), now() + DAY_MS]);
    },
  };
}

/** Whether a statement failed because a row had no partition. */
export function lacksPartition(error: unknown): boolean {
  return error instanceof Error && error.message.includes('no partition of relation');
}

async function readPartitions(
  { client }: Pick<Transaction, 'client'>,
  parent: PartitionedTable,
): Promise<readonly Partition[]> {
  const tables = await client.$queryRaw<{ readonly name: string }[]>`
    SELECT child.relname::text AS name FROM pg_inherits
    JOIN pg_class child ON child.oid = pg_inherits.inhrelid
    WHERE pg_inherits.inhparent = ${`devices.${parent}`}::text::regclass`;
  return tables
    .flatMap(({ name }) => parsePartition(parent, name) ?? [])
    .sort((one, other) => one.fromMs - other.fromMs);
}

/**
 * Made apart and attached, which neither waits for readers and writers of the other partitions nor makes them wait: the
 * lock of an attachment is SHARE UPDATE EXCLUSIVE, that of `CREATE TABLE … PARTITION OF` is ACCESS EXCLUSIVE.
 */
async function createPartition(
  { client }: Transaction,
  parent: PartitionedTable,
  { table, fromMs, toMs }: Partition,
): Promise<void> {
  const from = new Date(fromMs).toISOString();
  const to = new Date(toMs).toISOString();
  await client.$executeRawUnsafe(
    `CREATE TABLE devices.${table} (LIKE devices.${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
  );
  await client.$executeRawUnsafe(
    `ALTER TABLE devices.${parent} ATTACH PARTITION devices.${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
  );
}

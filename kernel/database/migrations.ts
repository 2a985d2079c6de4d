import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A connection that can run several statements in one text, and one statement with parameters. */
export interface SqlConnection {
  execute(sql: string): Promise<void>;
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

/** What a run of the migrations has done. */
export interface MigrationOutcome {
  readonly applied: readonly string[];
  readonly alreadyApplied: number;
}

/** A migration that was applied has since been edited, so the database and its description no longer agree. */
export class MigrationEdited extends Error {
  override readonly name = 'MigrationEdited';
}

/** A migration was begun, by Prisma Migrate, and never finished: a person has to see how far it came. */
export class MigrationUnfinished extends Error {
  override readonly name = 'MigrationUnfinished';
}

/** The table that Prisma Migrate keeps, so that `prisma migrate deploy` can take over at any time. */
const CREATE_LEDGER = `
CREATE TABLE IF NOT EXISTS public._prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/** The advisory lock of Prisma Migrate itself: of all processes, and of it, only one migrates at a time. */
const LOCK = 72_707_369;

/** How long to wait for another process that migrates, in milliseconds. */
const LOCK_TIMEOUT_MS = 120_000;

interface LedgerRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

/**
 * Applies the plain SQL migrations of a folder that the database has not seen, each in a transaction of its own, in the
 * order of their names. A file therefore holds no statement that refuses to run in one.
 *
 * Errors: {@link MigrationEdited} when an applied file was changed; {@link MigrationUnfinished} when Prisma Migrate left
 * one half done; any SQL error as it came, with nothing of that migration done.
 */
export async function migrate(connection: SqlConnection, folder: string): Promise<MigrationOutcome> {
  await connection.execute(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await connection.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    await connection.execute(`RESET lock_timeout; ${CREATE_LEDGER}`);
    return await applyMissing(connection, folder);
  } finally {
    // On a connection that broke the lock went with it, and the first error is the one to report.
    await connection.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
  }
}

async function applyMissing(connection: SqlConnection, folder: string): Promise<MigrationOutcome> {
  const known = await readLedger(connection);
  const applied: string[] = [];
  for (const name of await listMigrations(folder)) {
    const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
    const checksum = createHash('sha256').update(sql).digest('hex');
    const seen = known.get(name);
    if (seen === undefined) {
      await applyOne(connection, { name, sql, checksum });
      applied.push(name);
    } else if (seen !== checksum) {
      throw new MigrationEdited(
        `migration ${name} was applied with checksum ${seen}, but its file now has ${checksum}. ` +
          'Restore the file and put the change into a new migration.',
      );
    }
  }
  return { applied, alreadyApplied: known.size };
}

/** The checksums of what was applied, by name. */
async function readLedger(connection: SqlConnection): Promise<Map<string, string>> {
  const rows = await connection.query<LedgerRow>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
     FROM public._prisma_migrations WHERE rolled_back_at IS NULL`,
  );
  const unfinished = rows.find((row) => !row.finished);
  if (unfinished) {
    throw new MigrationUnfinished(
      `migration ${unfinished.migration_name} was begun and never finished. ` +
        'Mend the tables and say so with: prisma migrate resolve',
    );
  }
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

async function listMigrations(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

async function applyOne(connection: SqlConnection, { name, sql, checksum }: Migration): Promise<void> {
  await connection.execute('BEGIN');
  try {
    await connection.execute(sql);
    await connection.query(
      `INSERT INTO public._prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), now(), 1)`,
      [randomUUID(), checksum, name],
    );
    await connection.execute('COMMIT');
  } catch (error) {
    await connection.execute('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

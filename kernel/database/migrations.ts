import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A connection that can run several statements in one text, and one statement with parameters. */
export interface SqlConnection {
  execute(sql: string): Promise<void>;
  query<Row>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
}

export interface MigrationOutcome {
  readonly applied: readonly string[];
  readonly alreadyApplied: number;
}

/** A migration that was applied has since been edited, so the database and its description no longer agree. */
export class MigrationEdited extends Error {
  override readonly name = 'MigrationEdited';
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

/** Any constant shared by all processes of Aegis: only one of them migrates at a time. */
const LOCK = 7_263_001;

interface LedgerRow {
  readonly migration_name: string;
  readonly checksum: string;
}

/**
 * Applies the plain SQL migrations of a folder that the database has not seen, each in a transaction of its own, in the
 * order of their names.
 *
 * Errors: {@link MigrationEdited} when an applied file was changed; any SQL error as it came, with nothing half done.
 */
export async function migrate(connection: SqlConnection, folder: string): Promise<MigrationOutcome> {
  await connection.query('SELECT pg_advisory_lock($1)', [LOCK]);
  try {
    await connection.execute(CREATE_LEDGER);
    return await applyMissing(connection, folder);
  } finally {
    await connection.query('SELECT pg_advisory_unlock($1)', [LOCK]);
  }
}

async function applyMissing(connection: SqlConnection, folder: string): Promise<MigrationOutcome> {
  const rows = await connection.query<LedgerRow>(
    'SELECT migration_name, checksum FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  const known = new Map(rows.map((row) => [row.migration_name, row.checksum]));
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
    await connection.execute('ROLLBACK');
    throw error;
  }
}

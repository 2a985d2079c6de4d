import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import type { Database } from '../../kernel/database/database.js';
import {
  openEmbeddedDatabase,
  type EmbeddedDatabaseOptions,
} from '../../kernel/database/embedded-database.js';
import { migrate } from '../../kernel/database/migrations.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The migrations of the product. */
export const MIGRATIONS_FOLDER = join(root, 'prisma/migrations');

/** Snapshots stay here from one run to the next; a clean installation of the packages removes them. */
const CACHE_FOLDER = join(root, 'node_modules/.cache/aegis');

/**
 * Opens a database in memory with all migrations applied, from a snapshot that the first call ever makes: a third of a
 * second instead of two.
 */
export async function openTestDatabase(
  options: Pick<EmbeddedDatabaseOptions, 'onStatement'> = {},
): Promise<Database> {
  const path = join(CACHE_FOLDER, `database-${await digestOfMigrations()}.tar`);
  const snapshot = (await readSnapshot(path)) ?? (await makeSnapshot(path));
  return openEmbeddedDatabase({ ...options, migrationsFolder: MIGRATIONS_FOLDER, snapshot });
}

/** Changes with every migration and with the version of the Postgres that reads the snapshot. */
async function digestOfMigrations(): Promise<string> {
  const hash = createHash('sha256');
  hash.update(await readFile(join(root, 'node_modules/@electric-sql/pglite/package.json')));
  for (const name of (await readdir(MIGRATIONS_FOLDER)).sort()) {
    const sql = await readFile(join(MIGRATIONS_FOLDER, name, 'migration.sql')).catch(() => '');
    hash.update(name).update(sql);
  }
  return hash.digest('hex').slice(0, 16);
}

async function readSnapshot(path: string): Promise<Blob | undefined> {
  const data = await readFile(path).catch(() => undefined);
  return data && new Blob([data], { type: 'application/x-tar' });
}

async function makeSnapshot(path: string): Promise<Blob> {
  const postgres = await PGlite.create();
  try {
    await migrate(
      {
        execute: async (sql) => {
          await postgres.exec(sql);
        },
        query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
          (await postgres.query<Row>(sql, [...parameters])).rows,
      },
      MIGRATIONS_FOLDER,
    );
    const snapshot = await postgres.dumpDataDir('none');
    await keepSnapshot(path, Buffer.from(await snapshot.arrayBuffer()));
    return snapshot;
  } finally {
    await postgres.close();
  }
}

/** Several test files may be first at once: each writes a file of its own, and the rename leaves one whole. */
async function keepSnapshot(path: string, data: Buffer): Promise<void> {
  await mkdir(CACHE_FOLDER, { recursive: true });
  const stale = (await readdir(CACHE_FOLDER)).filter((name) => name.endsWith('.tar'));
  await Promise.all(stale.map((name) => rm(join(CACHE_FOLDER, name), { force: true })));
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, data);
  await rename(temporary, path);
}

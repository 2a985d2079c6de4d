import { mkdir } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import pg from 'pg';
import { createDatabase, type Database } from './database.js';
import { migrate } from './migrations.js';
import { createPrismaClient, type OnStatement } from './prisma-client.js';
import { createStatementNames } from './statement-names.js';

export interface EmbeddedDatabaseOptions {
  /** The folder that holds the data; undefined keeps it in memory. */
  readonly folder?: string;
  readonly migrationsFolder: string;
  /** A dump of a data folder to begin from, instead of an empty database. */
  readonly snapshot?: Blob;
  readonly onStatement?: OnStatement;
}

/**
 * How often dead rows are cleared away and the planner's statistics renewed, in milliseconds. A server has processes for
 * that (autovacuum); one inside this process has none, and without statistics it plans large tables badly.
 */
const MAINTENANCE_MS = 20 * 60_000;

/** How many statements are kept parsed: more than Aegis has, and a bound for those that vary with the length of a list. */
const MAX_KEPT_STATEMENTS = 256;

/** Opens Postgres inside this process (PGlite) and brings its tables up to date. One process per folder. */
export async function openEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<Database> {
  const postgres = await openPostgres(options);
  try {
    await migrateEmbedded(postgres, options.migrationsFolder);
    // Statements are parsed once, but planned for the values and the sizes of the tables at each use.
    await postgres.exec('SET plan_cache_mode = force_custom_plan');
  } catch (error) {
    await postgres.close();
    throw error;
  }
  const pool = new pg.Pool(poolConfig(postgres));
  const prisma = createPrismaClient(pool, {
    onStatement: options.onStatement,
    nameStatement: createStatementNames(MAX_KEPT_STATEMENTS),
  });
  // Through the pool, and so never inside somebody's transaction. That it fails once is no loss: it comes again.
  const maintenance = setInterval(
    () => void pool.query('VACUUM (ANALYZE)').catch(() => undefined),
    MAINTENANCE_MS,
  );
  maintenance.unref();
  return createDatabase({
    kind: 'embedded',
    prisma,
    disconnect: async () => {
      clearInterval(maintenance);
      await prisma.$disconnect();
      // The pool before the Postgres behind it: ending a connection still waits for its answer.
      await pool.end();
      await postgres.close();
    },
  });
}

async function openPostgres({ folder, snapshot }: EmbeddedDatabaseOptions): Promise<PGlite> {
  if (folder !== undefined) await mkdir(folder, { recursive: true, mode: 0o700 });
  return PGlite.create({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(snapshot ? { loadDataDir: snapshot } : {}),
  });
}

async function migrateEmbedded(postgres: PGlite, folder: string): Promise<void> {
  await migrate(
    {
      execute: async (sql) => {
        await postgres.exec(sql);
      },
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
        (await postgres.query<Row>(sql, [...parameters])).rows,
    },
    folder,
  );
}

/** A pg pool of one connection whose wire is the embedded Postgres. */
function poolConfig(postgres: PGlite): pg.PoolConfig {
  const config = createPgConfig(postgres);
  const parse = config.connection.parse.bind(config.connection);
  // @prisma/adapter-pg passes `types` as an object, where PGlite's connection expects an array of type ids.
  config.connection.parse = (query: { types?: unknown }) =>
    parse({ ...query, types: Array.isArray(query.types) ? query.types : undefined });
  // There is one wire to one Postgres: it is never closed for being idle, and never doubled.
  return Object.assign(config, { max: 1, idleTimeoutMillis: 0 });
}

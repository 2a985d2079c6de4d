import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { createDatabase, type Database } from './database.js';
import { PrismaClient } from './generated/client.js';
import { migrate, type MigrationOutcome, type SqlConnection } from './migrations.js';

export interface ServerDatabaseOptions {
  /** A Postgres connection URL. */
  readonly url: string;
  /** The most connections this process opens. */
  readonly poolSize: number;
  /** Undefined leaves the tables as they are. */
  readonly migrationsFolder?: string;
}

/** Opens a Postgres server and, when asked to, brings its tables up to date. */
export async function openServerDatabase(options: ServerDatabaseOptions): Promise<Database> {
  if (options.migrationsFolder !== undefined) await migrateServer(options.url, options.migrationsFolder);
  const pool = new pg.Pool({ connectionString: options.url, max: options.poolSize, connectionTimeoutMillis: 10_000 });
  // An idle connection that the server closes must not stop the process: the pool opens another when it is needed.
  pool.on('error', () => undefined);
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return createDatabase({
    kind: 'server',
    prisma,
    disconnect: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  });
}

/** Brings the tables of a Postgres server up to date over a connection of its own. */
export async function migrateServer(url: string, migrationsFolder: string): Promise<MigrationOutcome> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await migrate(toSqlConnection(client), migrationsFolder);
  } finally {
    await client.end();
  }
}

function toSqlConnection(client: pg.Client): SqlConnection {
  return {
    execute: async (sql) => {
      await client.query(sql);
    },
    query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
      (await client.query(sql, [...parameters])).rows as Row[],
  };
}

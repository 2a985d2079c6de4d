import pg from 'pg';
import { createDatabase, type Database } from './database.js';
import { migrate, type MigrationOutcome, type SqlConnection } from './migrations.js';
import { createPrismaClient, type OnStatement } from './prisma-client.js';

export interface ServerDatabaseOptions {
  /** A Postgres connection URL. */
  readonly url: string;
  /** The most connections this process opens. */
  readonly poolSize: number;
  /** Undefined leaves the tables as they are. */
  readonly migrationsFolder?: string;
  readonly onStatement?: OnStatement;
}

/** How long to wait for a connection, and how long one statement may run, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;

/** Opens a Postgres server and, when asked to, brings its tables up to date. */
export async function openServerDatabase(options: ServerDatabaseOptions): Promise<Database> {
  if (options.migrationsFolder !== undefined) await migrateServer(options.url, options.migrationsFolder);
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
  });
  const prisma = createPrismaClient(pool, { onStatement: options.onStatement });
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
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A lost connection fails the query in hand; without a listener it would also stop the process.
  client.on('error', () => undefined);
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

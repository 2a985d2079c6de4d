import { mkdir } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { createDatabase, type Database } from './database.js';
import { PrismaClient } from './generated/client.js';
import { migrate } from './migrations.js';

export interface EmbeddedDatabaseOptions {
  /** The folder that holds the data; undefined keeps it in memory. */
  readonly folder?: string;
  readonly migrationsFolder: string;
  /** A dump of a data folder to begin from, instead of an empty database. */
  readonly snapshot?: Blob;
}

/** Opens Postgres inside this process (PGlite) and brings its tables up to date. One process per folder. */
export async function openEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<Database> {
  const postgres = await openPostgres(options);
  await migrate(
    {
      execute: async (sql) => {
        await postgres.exec(sql);
      },
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
        (await postgres.query<Row>(sql, [...parameters])).rows,
    },
    options.migrationsFolder,
  );
  const prisma = new PrismaClient({ adapter: new PrismaPg(new pg.Pool(poolConfig(postgres))) });
  return createDatabase({
    kind: 'embedded',
    prisma,
    disconnect: async () => {
      await prisma.$disconnect();
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

/** A pg pool of one connection whose wire is the embedded Postgres. */
function poolConfig(postgres: PGlite): pg.PoolConfig {
  const config = createPgConfig(postgres);
  const parse = config.connection.parse.bind(config.connection);
  // @prisma/adapter-pg passes `types` as an object, where PGlite's connection expects an array of type ids.
  config.connection.parse = (query: { types?: unknown }) =>
    parse({ ...query, types: Array.isArray(query.types) ? query.types : undefined } as never);
  return config as unknown as pg.PoolConfig;
}
